/* The ring: order, keys, full, restart, damage. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/metric.h"
#include "store/ring.h"
#include "store/ring_layout.h"

static char path[] = "/tmp/muabui-ring-XXXXXX";
enum { SIZE = 64 * 1024 };

static int fresh(void **state)
{
	(void)state;
	memset(path + strlen(path) - 6, 'X', 6);
	close(mkstemp(path));
	unlink(path);
	return 0;
}

static int remove_file(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static struct ring *open_ring(uint64_t last_seq)
{
	char why[256] = "";
	struct ring *ring = ring_open(path, SIZE, why, sizeof why);

	if (!ring)
		print_error("%s\n", why);
	assert_non_null(ring);
	ring_number_after(ring, last_seq);
	return ring;
}

static struct report numbered(int number)
{
	struct report report;

	report_init(&report);
	report.time_ms = 1795300000000 + number;
	snprintf(report.station, sizeof report.station, "HN-%02d", number % 100);
	snprintf(report.sensor, sizeof report.sensor, "dust");
	report_add(&report, METRIC_PM25, number);
	report_add(&report, METRIC_PM10, 60.1);
	return report;
}

static bool push(struct ring *ring, int number)
{
	struct report report = numbered(number);

	return ring_push(ring, &report, (uint64_t)number + 1, RING_DROP_OLDEST);
}

static int number_of(const struct report *report)
{
	return (int)report->readings[0].value;
}

static void passes_reports_in_order(void **state)
{
	(void)state;
	struct ring *ring = open_ring(0);
	struct report report;
	uint64_t seq;

	assert_false(ring_next(ring, &report, &seq));
	for (int i = 0; i < 20000; i++) {
		assert_true(push(ring, i));
		assert_true(ring_next(ring, &report, &seq));
		assert_int_equal(number_of(&report), i);
		assert_int_equal(seq, i + 1);
		assert_int_equal(report.time_ms, 1795300000000 + i);
		assert_string_equal(report.sensor, "dust");
		assert_int_equal(report.count, 2);
		assert_true(report.readings[1].value == 60.1);
		if (i % 7 == 0)
			ring_release(ring);
	}
	ring_close(ring);
}

static void keeps_what_is_not_released_over_a_restart(void **state)
{
	(void)state;
	struct ring *ring = open_ring(0);
	struct report report;
	struct ring_status status;
	uint64_t seq;

	for (int i = 0; i < 10; i++)
		push(ring, i);
	for (int i = 0; i < 4; i++)
		assert_true(ring_next(ring, &report, &seq));
	ring_release(ring);
	assert_true(ring_next(ring, &report, &seq)); /* read, not released */
	ring_close(ring);

	ring = open_ring(4);
	ring_get_status(ring, &status);
	assert_int_equal(status.recovered, 6);
	for (int i = 4; i < 10; i++) {
		assert_true(ring_next(ring, &report, &seq));
		assert_int_equal(number_of(&report), i);
		assert_int_equal(seq, i + 1);
	}
	assert_false(ring_next(ring, &report, &seq));
	assert_true(ring_has_key(ring, 1)); /* released long ago, still known */
	assert_true(ring_has_key(ring, 10));
	assert_false(ring_has_key(ring, 12345));
	ring_close(ring);
}

static void numbers_go_on_after_a_lost_file(void **state)
{
	(void)state;
	struct ring *ring = open_ring(1000);
	struct report report;
	uint64_t seq;

	push(ring, 1);
	assert_true(ring_next(ring, &report, &seq));
	/* Far behind: what the lost file held is not to be mistaken for it. */
	assert_true(seq > 1001);
	ring_close(ring);
}

static void drops_and_counts_the_oldest(void **state)
{
	(void)state;
	struct ring *ring = open_ring(0);
	struct report report;
	struct ring_status status;
	uint64_t seq, count = 0;
	enum { PUSHED = 5000 };

	for (int i = 0; i < PUSHED; i++)
		assert_true(push(ring, i));
	ring_get_status(ring, &status);
	assert_true(status.used <= status.size);
	assert_true(ring_is_pressed(ring));
	int expected = (int)status.dropped;
	for (; ring_next(ring, &report, &seq); count++)
		assert_int_equal(number_of(&report), expected++);
	assert_int_equal(count + status.dropped, PUSHED);
	assert_true(status.dropped > 0 && count > 300);
	ring_close(ring);
}

static void *stop_soon(void *ring)
{
	usleep(50000);
	ring_stop_waiting(ring, 0);
	return NULL;
}

static void a_waiting_writer_gives_up_when_told(void **state)
{
	(void)state;
	struct ring *ring = open_ring(0);
	struct report report = numbered(1);
	pthread_t thread;
	int accepted = 0;

	pthread_create(&thread, NULL, stop_soon, ring);
	while (ring_push(ring, &report, 0, RING_WAIT))
		accepted++;
	assert_true(accepted > 300);
	pthread_join(thread, NULL);
	struct ring_status status;
	ring_get_status(ring, &status);
	assert_int_equal(status.dropped, 0);
	assert_int_equal(status.accepted, accepted);
	ring_close(ring);
}

static void *confirm(void *ring)
{
	return ring_confirm(ring) ? ring : NULL;
}

/* Reads and, where it is told to, releases what somebody waits for. */
static void *confirm_while(
	struct ring *ring, void (*meanwhile)(struct ring *ring), bool is_awaited)
{
	pthread_t thread;
	void *result;

	pthread_create(&thread, NULL, confirm, ring);
	while (ring_is_awaited(ring) != is_awaited)
		usleep(1000);
	meanwhile(ring);
	pthread_join(thread, &result);
	return result;
}

static void read_all(struct ring *ring)
{
	struct report report;
	uint64_t seq;

	while (ring_next(ring, &report, &seq))
		;
}

static void store_all(struct ring *ring)
{
	read_all(ring);
	usleep(20000);
	assert_true(ring_is_awaited(ring)); /* read is not stored */
	ring_release(ring);
}

static void push_out_all(struct ring *ring)
{
	for (int i = 1000; i < 3000; i++)
		push(ring, i);
}

/* In a transaction, then pushed out, then the transaction fails. */
static void fail_after_all(struct ring *ring)
{
	read_all(ring);
	push_out_all(ring);
	ring_rewind(ring);
}

static void stop_waiting(struct ring *ring)
{
	ring_stop_waiting(ring, 50);
}

static void confirms_what_is_stored(void **state)
{
	(void)state;
	struct ring *ring = open_ring(0);

	push(ring, 1);
	assert_true(ring_confirm(ring)); /* as long as nobody asked for more */
	assert_false(ring_is_awaited(ring));
	ring_confirm_stored(ring);
	assert_non_null(confirm_while(ring, store_all, true));
	assert_true(ring_confirm(ring)); /* all is stored */
	push(ring, 2);
	assert_null(confirm_while(ring, stop_waiting, true));
	ring_close(ring);
}

static void confirms_nothing_that_was_pushed_out(void **state)
{
	(void)state;
	struct ring *ring = open_ring(0);
	struct ring_status status;

	ring_confirm_stored(ring);
	push(ring, 1);
	assert_true(ring_has_key(ring, 2));
	assert_null(confirm_while(ring, push_out_all, true));
	assert_false(ring_has_key(ring, 2)); /* brought again, it is no repetition */
	read_all(ring);
	ring_release(ring);

	push(ring, 3);
	assert_null(confirm_while(ring, fail_after_all, true));
	assert_false(ring_has_key(ring, 4));
	ring_get_status(ring, &status);
	size_t left = 0;
	struct report report;
	uint64_t seq;
	while (ring_next(ring, &report, &seq))
		left++;
	/* Of 4002 reports, the 1 + 2000 of the first part minus its losses were stored.
	 */
	assert_int_equal(status.accepted, 4002);
	assert_true(status.dropped > 2000 && left > 300);
	ring_close(ring);
}

/* What is pushed out while it is in a transaction is lost only if that fails. */
static void counts_losses_exactly(void **state)
{
	(void)state;
	struct ring *ring = open_ring(0);
	struct ring_status status;
	struct report report;
	uint64_t seq, stored = 0, pushed = 0;

	for (int round = 0; round < 60; round++) {
		for (int i = 0; i < 300; i++, pushed++)
			push(ring, i);
		uint64_t batch = 0;
		for (int i = 0; i < 250 && ring_next(ring, &report, &seq); i++)
			batch++;
		for (int i = 0; i < 200; i++, pushed++)
			push(ring, i);
		if (round % 3 == 0) {
			ring_rewind(ring);
		} else if (round % 3 == 1) {
			ring_release(ring);
			stored += batch;
		} else {
			/* The last one goes on to the next transaction, which fails. */
			ring_release_but_last(ring);
			stored += batch - 1;
			ring_rewind(ring);
		}
	}
	while (ring_next(ring, &report, &seq))
		stored++;
	ring_release(ring);
	ring_get_status(ring, &status);
	assert_true(status.dropped > 0);
	assert_int_equal(stored + status.dropped, pushed);
	ring_close(ring);
}

struct writer {
	struct ring *ring;
	int base;
};

static void *write_many(void *arg)
{
	struct writer *writer = arg;

	for (int i = 0; i < 20000; i++) {
		struct report report = numbered(writer->base + i);
		ring_push(writer->ring, &report, 0, RING_WAIT);
	}
	return NULL;
}

static void two_writers_and_a_reader_lose_nothing(void **state)
{
	(void)state;
	struct ring *ring = open_ring(0);
	struct writer writers[2] = { { ring, 0 }, { ring, 1000000 } };
	pthread_t threads[2];
	int next[2] = { 0, 1000000 }, got = 0;
	struct report report;
	uint64_t seq, last = 0;

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, write_many, &writers[i]);
	while (got < 40000) {
		if (!ring_next(ring, &report, &seq)) {
			ring_release(ring);
			ring_wait(ring, 1000);
			continue;
		}
		if (ring_is_pressed(ring))
			ring_release(ring);
		assert_int_equal(seq, last + 1);
		last = seq;
		int which = number_of(&report) >= 1000000;
		assert_int_equal(number_of(&report), next[which]++);
		got++;
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ring_close(ring);
}

static void refuses_a_second_owner(void **state)
{
	(void)state;
	struct ring *ring = open_ring(0);
	char why[256];

	assert_null(ring_open(path, SIZE, why, sizeof why));
	assert_non_null(strstr(why, "in use"));
	ring_close(ring);
}

static void a_larger_size_waits_for_an_empty_ring(void **state)
{
	(void)state;
	struct ring *ring = open_ring(0);
	struct ring_status status;
	struct report report;
	uint64_t seq;
	char why[256];

	push(ring, 7);
	ring_close(ring);
	ring = ring_open(path, 2 * SIZE, why, sizeof why);
	assert_non_null(ring);
	ring_get_status(ring, &status);
	assert_int_equal(status.size, SIZE);
	assert_true(ring_next(ring, &report, &seq));
	assert_int_equal(number_of(&report), 7);
	ring_release(ring);
	ring_close(ring);
	ring = ring_open(path, 2 * SIZE, why, sizeof why);
	assert_non_null(ring);
	ring_get_status(ring, &status);
	assert_int_equal(status.size, 2 * SIZE);
	push(ring, 8);
	assert_true(ring_next(ring, &report, &seq));
	assert_int_equal(seq, 2);
	ring_close(ring);
}

/* Whatever bytes a power cut leaves: it opens, and what it hands out was once pushed. */
static void survives_damage_anywhere(void **state)
{
	(void)state;
	unsigned seed = 20261122;

	for (int run = 0; run < 400; run++) {
		struct ring *ring = open_ring(0);
		struct report report;
		struct ring_status status;
		uint64_t seq;

		for (int i = 0; i < 600; i++) {
			push(ring, i);
			if (i == 300) {
				while (ring_next(ring, &report, &seq))
					continue;
				ring_release(ring);
			}
		}
		ring_close(ring);

		int fd = open(path, O_RDWR);
		int damages = 1 + rand_r(&seed) % 8;
		for (int i = 0; i < damages; i++) {
			uint8_t junk[64];
			off_t at = (off_t)(rand_r(&seed) % (4096 + SIZE - 64));
			if (rand_r(&seed) % 10 == 0)
				at = rand_r(&seed) % 64; /* the header's own */
			for (size_t b = 0; b < sizeof junk; b++)
				junk[b] =
					(uint8_t)(rand_r(&seed) % 3 ? 0 : rand_r(&seed));
			assert_int_equal(pwrite(fd, junk, sizeof junk, at), sizeof junk);
		}
		close(fd);

		ring = open_ring(0);
		int count = 0, last = -1;
		while (ring_next(ring, &report, &seq)) {
			assert_in_range(number_of(&report), 0, 599);
			assert_true(number_of(&report) > last);
			last = number_of(&report);
			count++;
		}
		assert_true(count <= 600);
		ring_get_status(ring, &status);
		assert_true(push(ring, 1));
		assert_true(ring_next(ring, &report, &seq));
		ring_close(ring);
		unlink(path);
	}
}

/* The file's head: magic, size, oldest, tail, head, next sequence number. */
static uint64_t get_head(int field)
{
	uint64_t fields[6];
	int fd = open(path, O_RDONLY);

	assert_int_equal(pread(fd, fields, sizeof fields, 0), sizeof fields);
	close(fd);
	return fields[field];
}

static void overwrite(off_t at, const void *bytes, size_t length)
{
	int fd = open(path, O_RDWR);

	assert_int_equal(pwrite(fd, bytes, length, at), length);
	close(fd);
}

/* Ten slots of one size, of which four are released; its size. */
static size_t ten_slots(void)
{
	struct ring *ring = open_ring(0);
	struct report report;
	uint64_t seq;

	for (int i = 0; i < 10; i++)
		push(ring, i);
	for (int i = 0; i < 4; i++)
		assert_true(ring_next(ring, &report, &seq));
	ring_release(ring);
	ring_close(ring);
	assert_int_equal(get_head(3) * 10, get_head(4) * 4);
	return get_head(4) / 10;
}

static void expect_numbers(struct ring *ring, int first, int last)
{
	struct report report;
	uint64_t seq, before = (uint64_t)first;

	for (int i = first; i <= last; i++) {
		assert_true(ring_next(ring, &report, &seq));
		assert_int_equal(number_of(&report), i);
		assert_true(seq > before); /* after damage, far above */
		before = seq;
	}
	assert_false(ring_next(ring, &report, &seq));
}

/* Slots 2 to 5, of which 4 and 5 wait: lengths are whole, contents are not. */
static void a_hole_over_the_tail(void **state)
{
	(void)state;
	size_t size = ten_slots();
	struct ring_status status;

	for (size_t i = 2; i < 6; i++)
		overwrite((off_t)(4096 + i * size + 24), "torn", 4); /* its time */
	struct ring *ring = open_ring(4);
	ring_get_status(ring, &status);
	assert_int_equal(status.recovered, 4);
	assert_int_equal(status.torn, 1);
	expect_numbers(ring, 6, 9);
	ring_close(ring);
	/* What was a hole stays one. */
	ring = open_ring(4);
	ring_get_status(ring, &status);
	assert_int_equal(status.torn, 0);
	expect_numbers(ring, 6, 9);
	ring_close(ring);
}

static void a_torn_end(void **state)
{
	(void)state;
	size_t size = ten_slots();
	struct ring_status status;

	for (size_t i = 8; i < 10; i++)
		overwrite((off_t)(4096 + i * size + 20), "torn", 4);
	struct ring *ring = open_ring(4);
	assert_true(push(ring, 10));
	assert_false(ring_has_key(ring, 9));
	ring_close(ring);
	ring = open_ring(4);
	ring_get_status(ring, &status);
	assert_int_equal(status.torn, 0);
	assert_int_equal(status.recovered, 5);
	struct report report;
	uint64_t seq;
	for (int i = 4; i < 8; i++) {
		assert_true(ring_next(ring, &report, &seq));
		assert_int_equal(number_of(&report), i);
	}
	assert_true(ring_next(ring, &report, &seq));
	assert_int_equal(number_of(&report), 10);
	assert_int_equal(seq, 11); /* no number is given twice */
	ring_close(ring);
}

/* Nothing is lost for a number that can be found again. */
static void an_absurd_next_number(void **state)
{
	(void)state;
	static const uint64_t absurd[] = { 0, 3, UINT64_MAX, UINT64_MAX - 1,
		UINT64_C(1) << 63 };
	struct report report;
	uint64_t seq;

	for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++) {
		ten_slots();
		overwrite(5 * 8, &absurd[i], 8);
		struct ring *ring = open_ring(4);
		expect_numbers(ring, 4, 9);
		push(ring, 10);
		assert_true(ring_next(ring, &report, &seq));
		assert_int_equal(seq, 11);
		ring_close(ring);
		unlink(path);
	}
}

/* Gives the last of ten slots the number SEQ, with a checksum that is right. */
static void number_the_last(uint64_t seq)
{
	union {
		struct slot slot;
		uint8_t bytes[RING_SLOT_MAX];
	} last;
	int fd = open(path, O_RDWR);
	uint32_t length;

	assert_int_equal(pread(fd, &length, 4, RING_HEADER_SIZE), 4);
	off_t at = RING_HEADER_SIZE + 9 * (off_t)length;
	assert_true(pread(fd, &last, length, at) == (ssize_t)length);
	assert_int_equal(last.slot.seq, 10);
	last.slot.seq = seq;
	last.slot.checksum = ring_slot_checksum(&last.slot);
	assert_true(pwrite(fd, &last, length, at) == (ssize_t)length);
	close(fd);
}

/* To go on behind it would use up the numbers: what comes would not be believed. */
static void a_number_that_cannot_be(void **state)
{
	(void)state;
	struct report report;
	uint64_t seq;

	for (int far = 0; far < 2; far++) {
		ten_slots();
		number_the_last(far ? RING_NUMBER_LIMIT - 1 : RING_NUMBER_FAR);
		struct ring *ring = open_ring(4);
		expect_numbers(ring, 4, far ? 8 : 9);
		push(ring, 10);
		assert_true(ring_next(ring, &report, &seq));
		assert_true(seq == (far ? 11 : RING_NUMBER_FAR + 1));
		ring_close(ring);
		/* What was handed over is there after the next start, too. */
		ring = open_ring(4);
		for (int i = 4; i <= 10; i += i == 8 && far ? 2 : 1) {
			assert_true(ring_next(ring, &report, &seq));
			assert_int_equal(number_of(&report), i);
		}
		ring_close(ring);
		unlink(path);
	}
}

static void positions_that_cannot_be(void **state)
{
	(void)state;
	static const uint64_t far[3] = { UINT64_MAX - 1023, UINT64_MAX - 1023,
		UINT64_MAX - 7 };
	struct ring_status status;

	ten_slots();
	overwrite(2 * 8, far, sizeof far);
	struct ring *ring = open_ring(10);
	ring_get_status(ring, &status);
	assert_int_equal(status.torn, 1);
	assert_int_equal(status.used, 0);
	push(ring, 10);
	expect_numbers(ring, 10, 10);
	ring_close(ring);
}

static void knows_the_boot_of_a_report(void **state)
{
	(void)state;
	char boot[8];

	for (int i = 0; i < 20; i++) {
		snprintf(boot, sizeof boot, "b%d", i);
		clock_pretend(false, boot);
		struct ring *ring = open_ring(0);
		push(ring, i * 2);
		ring_close(ring);
		ring = open_ring(0); /* the same boot, another process */
		push(ring, i * 2 + 1);
		assert_string_equal(ring_boot(ring, (uint64_t)i * 2 + 1), boot);
		assert_string_equal(ring_boot(ring, (uint64_t)i * 2 + 2), boot);
		snprintf(boot, sizeof boot, "b%d", i - 7);
		if (i >= 7)
			assert_string_equal(ring_boot(ring, (uint64_t)i * 2 - 12), boot);
		if (i >= 8) /* too long ago */
			assert_string_equal(ring_boot(ring, (uint64_t)i * 2 - 14), "");
		ring_close(ring);
	}
	clock_freeze_plainly();
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, fresh, remove_file)
	const struct CMUnitTest tests[] = {
		TEST(passes_reports_in_order),
		TEST(keeps_what_is_not_released_over_a_restart),
		TEST(numbers_go_on_after_a_lost_file),
		TEST(drops_and_counts_the_oldest),
		TEST(a_waiting_writer_gives_up_when_told),
		TEST(confirms_what_is_stored),
		TEST(confirms_nothing_that_was_pushed_out),
		TEST(counts_losses_exactly),
		TEST(two_writers_and_a_reader_lose_nothing),
		TEST(refuses_a_second_owner),
		TEST(a_larger_size_waits_for_an_empty_ring),
		TEST(survives_damage_anywhere),
		TEST(a_hole_over_the_tail),
		TEST(a_torn_end),
		TEST(an_absurd_next_number),
		TEST(a_number_that_cannot_be),
		TEST(positions_that_cannot_be),
		TEST(knows_the_boot_of_a_report),
	};
	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
