/* Reports taken before the clock was set: held, put right, never lost, never guessed. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "store/reports.h"
#include "store/undated.h"
#include "tests/unit/chance.h"
#include "tests/unit/temp_recorder.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static const int64_t noon = 1795320000000;
static const char reports[] = "SELECT count(*) FROM report";
static const char undated[] = "SELECT count(*) FROM undated";

/* COUNT reports, one each minute: dust FIRST, FIRST + 1, … */
static void measure(int first, int count)
{
	for (int i = 0; i < count; i++) {
		rig_push("dust", METRIC_PM25, first + i);
		rig_pass(MINUTE);
	}
}

struct seen {
	int count;
	int64_t times[200];
	int values[200];
	uint16_t marks[200];
};

static bool see(void *arg, const struct stored_report *stored)
{
	struct seen *seen = arg;

	assert_true(seen->count < 200);
	seen->times[seen->count] = stored->report.time_ms;
	seen->marks[seen->count] = stored->report.marks;
	seen->values[seen->count++] = (int)stored->report.readings[0].value;
	return true;
}

/* Are the values stored 0 … COUNT − 1, one each minute from FROM_MS on? */
static void expect_stored(int count, int64_t from_ms)
{
	struct seen seen = { 0 };

	assert_int_equal(store_scan(rig.reader, 0, 1000, see, &seen), count);
	for (int i = 0; i < count; i++) {
		assert_int_equal(seen.values[i], i);
		assert_int_equal(seen.times[i], from_ms + i * MINUTE);
	}
}

static void expect_logged(const char *what)
{
	if (!strstr(rig.log, what))
		fail_msg("\"%s\" was not logged:\n%s", what, rig.log);
}

static bool see_latest(void *arg, const struct latest_source *source)
{
	*(struct latest_source *)arg = *source;
	return true;
}

static void held_until_it_is_set(void **state)
{
	(void)state;
	static struct latest_source latest;

	rig_boot("a", 10 * SECOND);
	rig_start();
	measure(0, 30);
	rig_catch_up();
	assert_true(temp_number(rig.reader, undated) == 30);
	assert_int_equal(rig.stats.held, 30);
	assert_true(temp_number(rig.reader, reports) == 0);
	assert_true(temp_number(rig.reader, "SELECT count(*) FROM minute") == 0);
	latest_each(rig.latest, see_latest, &latest); /* shown, but marked */
	assert_true(latest.values[0].reading.value == 29);
	assert_int_equal(latest.values[0].marks, REPORT_CLOCK_UNSET);
	expect_logged("the clock is not right: it says 1970-01-01");

	rig_set(noon);
	rig_await(reports, 30);
	measure(30, 10);
	rig_await(reports, 40);
	rig_stop();
	expect_stored(40, noon - 30 * MINUTE);
	expect_logged("the clock is right now: 2026-");
	assert_true(temp_number(rig.reader, undated) == 0);
	assert_int_equal(rig.stats.held, 0);
	assert_true(temp_number(rig.reader, "SELECT sum(count) FROM minute") == 40);

	struct seen seen = { 0 };
	store_scan(rig.reader, 0, 1000, see, &seen);
	for (int i = 0; i < 40; i++)
		assert_int_equal(seen.marks[i], i < 30 ? REPORT_BACKFILLED : 0);
}

static void a_process_that_ends_meanwhile(void **state)
{
	(void)state;
	rig_boot("a", 10 * SECOND);
	rig_start();
	measure(0, 10);
	rig_stop();
	assert_true(temp_number(rig.reader, undated) == 10);
	rig_start();
	measure(10, 10);
	rig_stop();
	assert_true(temp_number(rig.reader, undated) == 20);
	rig_set(noon); /* while nothing runs */
	rig_start();
	rig_await(reports, 20);
	measure(20, 5);
	rig_stop();
	expect_stored(25, noon - 20 * MINUTE);
}

static void another_boot(void **state)
{
	(void)state;
	rig_boot("a", 10 * SECOND);
	rig_start();
	measure(100, 10);
	rig_stop();
	rig_boot("b", 10 * SECOND);
	rig_start();
	measure(0, 5);
	rig_catch_up();
	rig_set(noon);
	rig_await(reports, 5); /* else those of now may come before them */
	measure(5, 5);
	rig_await(reports, 10);
	rig_stop(); /* after the commit it has yet to count */
	assert_int_equal(rig.stats.held, 0);
	assert_int_equal(rig.stats.undatable, 10);
	expect_logged("10 reports are of an earlier start of this machine");
	expect_stored(10, noon - 5 * MINUTE);
	assert_true(temp_number(rig.reader,
			    "SELECT count(*) FROM undated WHERE boot='a'") == 10);
}

/* The process died, and then the machine: its ring is of a boot that is over. */
static void a_ring_of_another_boot(void **state)
{
	(void)state;
	rig_boot("a", noon);
	rig_start();
	measure(0, 1);
	rig_await(reports, 1);
	rig_stop();

	char path[128], why[256];
	snprintf(path, sizeof path, "%s/test.ring", rig.temp.directory);
	rig.ring = ring_open(path, RIG_RING_SIZE, why, sizeof why);
	measure(1, 3); /* dated, and left in the ring */
	rig_set(5 * SECOND);
	measure(4, 3); /* not dated, but the boot's time is known */
	ring_close(rig.ring);
	rig_boot("b", 10 * SECOND);
	rig.ring = ring_open(path, RIG_RING_SIZE, why, sizeof why);
	measure(100, 2); /* of a boot of which nothing is known */
	ring_close(rig.ring);

	rig_boot("c", noon + DAY);
	rig_start();
	rig_await(reports, 7);
	rig_await(undated, 2);
	rig_stop();
	expect_stored(7, noon);
	assert_true(temp_number(rig.reader,
			    "SELECT count(*) FROM undated WHERE boot='b'") == 2);
}

/* A power cut between setting the clock and putting right what was held. */
static void half_put_right(void **state)
{
	(void)state;
	rig_boot("a", 10 * SECOND);
	rig_start();
	measure(0, 20);
	rig_stop();
	rig_set(noon);
	rig_start();
	rig_await(reports, 20);
	rig_stop();
	/* As it was before the commit that took the second half. */
	temp_sql(&rig.temp,
		"INSERT INTO undated SELECT id, 'a', time - 1795320000000 + 1220000,"
		" source, data, 0 FROM report WHERE id > 10;"
		"DELETE FROM report WHERE id > 10");
	rig_boot("b", noon + DAY);
	rig_start();
	rig_await(reports, 20);
	rig_stop();
	expect_stored(20, noon - 20 * MINUTE);
	assert_true(temp_number(rig.reader, undated) == 0);
}

/* --- doubt -------------------------------------------------------------------- */

static void run_until_noon(void)
{
	rig_boot("a", noon - HOUR);
	rig_start();
	measure(1000, 60);
	rig_await(reports, 60);
	rig_stop();
	temp_sql(&rig.temp, "DELETE FROM report");
}

/* The system restores the time of the last shutdown: possible, but not true. */
static void behind_what_is_known(void **state)
{
	(void)state;
	run_until_noon();
	rig_boot("b", noon - 30 * MINUTE);
	rig_start();
	measure(0, 5);
	rig_await(undated, 5);
	assert_string_equal(clock_source(), "doubted");
	expect_logged("and it is behind what was stored before");
	rig_synchronise(noon + 3 * HOUR);
	rig_await(reports, 5);
	rig_stop();
	expect_stored(5, noon + 3 * HOUR - 5 * MINUTE);
}

/* That time only passes is no reason to believe it; that somebody sets it is. */
static void set_by_hand(void **state)
{
	(void)state;
	run_until_noon();
	rig_boot("b", noon - 2 * MINUTE);
	rig_start();
	measure(0, 5);
	rig_await(undated, 5);
	rig_set(noon + HOUR);
	rig_await(reports, 5);
	rig_stop();
	expect_stored(5, noon + HOUR - 5 * MINUTE);
	/* Believed once in a boot, believed after a new start. */
	rig_start();
	measure(5, 1);
	rig_await(reports, 6);
	rig_stop();
}

static void nobody_sets_it(void **state)
{
	(void)state;
	rig.config.clock.battery = false;
	rig_boot("a", noon);
	rig_start();
	measure(0, 9);
	rig_await(undated, 9);
	expect_logged("and it has no battery");
	rig_pass(MINUTE);
	rig_await(reports, 9);
	rig_stop();
	expect_stored(9, noon);
	expect_logged("the clock is doubtful (it has no battery), and nobody has set it");
}

static void synchronised_from_the_start(void **state)
{
	(void)state;
	rig.config.clock.battery = false;
	rig_boot("a", noon);
	rig_synchronise(noon);
	rig_start();
	measure(0, 5);
	rig_await(reports, 5);
	rig_stop();
	expect_stored(5, noon);
	assert_null(strstr(rig.log, "clock"));
}

/* A device's own time needs no clock of ours; a wrong one does not block the others. */
static void a_devices_own_time(void **state)
{
	(void)state;
	struct report report = temp_report("S", "node", noon, 1);

	rig_boot("a", 10 * SECOND);
	rig_start();
	report.marks = REPORT_DEVICE_TIME;
	report.mono_ms = rig.mono_ms;
	assert_true(ring_push(rig.ring, &report, 0, RING_WAIT));
	report.time_ms = noon + 3000 * DAY;
	report_add(&report, METRIC_RAIN, 1);
	assert_true(ring_push(rig.ring, &report, 0, RING_WAIT));
	rig_await(reports, 2);
	rig_set(noon + MINUTE);
	rig_push("node", METRIC_RAIN, 2);
	rig_pass(MINUTE);
	rig_push("node", METRIC_RAIN, 1);
	rig_await(reports, 4);
	rig_stop();
	expect_logged("rain was remembered from the future");
	/* Its sums are said, since the time they go by is the latest. */
	struct seen seen = { 0 };
	store_scan(rig.reader, 2, 1000, see, &seen);
	assert_int_equal(seen.times[0], noon + MINUTE);
	assert_true(temp_number(rig.reader,
			    "SELECT length(data) > 20 FROM report WHERE id=4") == 1);
}

/* --- bounds and retention ----------------------------------------------------------- */

static void the_oldest_are_given_up(void **state)
{
	(void)state;
	rig.config.store.max_size = 1 << 20;
	rig_boot("a", 10 * SECOND);
	rig_start();
	for (int i = 0; i < 12000; i++) {
		rig_push("dust", METRIC_PM25, i % 900);
		rig_pass(SECOND);
	}
	rig_stop();
	double left = temp_number(rig.reader, undated);
	assert_true(left <= 10000 && left > 9000);
	assert_int_equal(rig.stats.held, left);
	assert_int_equal(rig.stats.held_dropped, 12000 - left);
	expect_logged("the oldest are given up");
}

static void retention(void **state)
{
	(void)state;
	rig.config.store.keep_raw = HOUR;
	rig_boot("a", noon);
	rig_start();
	measure(0, 1);
	rig_stop();
	rig_boot("b", 10 * SECOND);
	rig_start();
	measure(0, 3);
	rig_stop();
	rig_boot("c", noon + 10 * MINUTE);
	rig_start();
	measure(1, 5);
	rig_await(reports, 6);
	rig_pass(51 * MINUTE); /* the first is an hour old: they may be younger */
	measure(6, 2);
	rig_await("SELECT count(*) FROM report WHERE id < 3", 1);
	assert_true(temp_number(rig.reader, undated) == 3);
	rig_pass(10 * MINUTE);
	measure(8, 2);
	rig_await(undated, 0);
	rig_stop();
	assert_int_equal(rig.stats.undatable, 0);
}

/* --- kills ----------------------------------------------------------------------------
 */

enum { MOST = 1 << 18 };

struct tally {
	atomic_int tried;
	atomic_uchar accepted[MOST];
	/* The machine's clocks, at once: twice the monotonic one, and 1 if the other is
	 * set. */
	_Atomic int64_t clocks;
};

static void take_clocks(const struct tally *tally)
{
	int64_t mono_ms = tally->clocks / 2;

	rig_clock(tally->clocks % 2 ? noon + mono_ms : SECOND, mono_ms);
}

/* Which report it is, is in its time. */
static void push_until_killed(struct tally *tally, struct chance *chance)
{
	rig.reader = NULL;
	rig_start();
	while (tally->tried < MOST - 1) {
		tally->clocks += 2 * SECOND;
		take_clocks(tally);
		int number = (int)((rig.mono_ms - 20 * SECOND) / SECOND);
		tally->tried = number;
		rig_push("dust", METRIC_PM25, number % 900);
		tally->accepted[number] = 1;
		if (number % 64 == 0)
			usleep(200);
		if (chance_below(chance, 700) == 0)
			tally->clocks ^= 1;
	}
	_exit(3);
}

struct checking {
	struct tally *tally;
	int64_t base_ms;
};

static bool check_stored(void *arg, const struct stored_report *stored)
{
	struct tally *tally = arg;
	int64_t away_ms = stored->report.time_ms - noon - 20 * SECOND;
	int64_t number = away_ms / SECOND;

	if (strcmp(stored->report.sensor, INDEX_SENSOR) == 0)
		return true;
	assert_int_equal(away_ms % SECOND, 0);
	assert_in_range(number, 1, tally->tried);
	assert_true(stored->report.readings[0].value == (double)(number % 900));
	if (tally->accepted[number] == 2)
		fail_msg("report %d is stored twice", (int)number);
	tally->accepted[number] = 2;
	return true;
}

/*
 * Waits for a moment to kill it: at random, at every fourth time perhaps while it starts,
 * else when it has got somewhere, however slow the machine is.
 */
static void await_moment(const struct tally *tally, int round, struct chance *chance)
{
	int goal = tally->tried + (round % 4 == 0 ? 0 : 40);
	int64_t end = clock_real_ms() + 60000;

	while (tally->tried < goal) {
		assert_true(clock_real_ms() < end);
		usleep(200);
	}
	usleep(5000 + (unsigned)chance_below(chance, 40000));
}

static void killed_at_random(void **state)
{
	(void)state;
	struct chance chance = chance_begin();
	struct tally *tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(tally, MAP_FAILED);
	rig.config.store.commit_every = 5;
	rig_boot("a", SECOND);
	tally->clocks = rig.mono_ms * 2;
	for (int i = 0; i < 20; i++) {
		pid_t child = fork();
		if (child == 0)
			push_until_killed(tally, &chance);
		await_moment(tally, i, &chance);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
		take_clocks(tally);
		/* Another one starts with other chances. */
		chance_below(&chance, 1 + (uint64_t)i);
	}
	rig_set(noon + rig.mono_ms);
	rig_start();
	rig_await(undated, 0);
	rig_stop();
	int64_t count = (int64_t)temp_number(rig.reader,
		"SELECT count(*) FROM report JOIN source ON source.id = source"
		" WHERE sensor <> '" INDEX_SENSOR "'");
	assert_int_equal(store_scan(rig.reader, 0, INT32_MAX, check_stored, tally),
		temp_number(rig.reader, reports));
	for (int i = 0; i <= tally->tried; i++)
		if (tally->accepted[i] == 1)
			fail_msg("report %d of %d was accepted and is lost", i,
				tally->tried);
	assert_in_range(count, 500, tally->tried);
	assert_true(temp_number(rig.reader, "SELECT sum(count) FROM minute") ==
		(double)count);
	munmap(tally, sizeof *tally);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, rig_begin, rig_end)
	const struct CMUnitTest tests[] = {
		TEST(held_until_it_is_set),
		TEST(a_process_that_ends_meanwhile),
		TEST(another_boot),
		TEST(a_ring_of_another_boot),
		TEST(half_put_right),
		TEST(behind_what_is_known),
		TEST(set_by_hand),
		TEST(nobody_sets_it),
		TEST(synchronised_from_the_start),
		TEST(a_devices_own_time),
		TEST(the_oldest_are_given_up),
		TEST(retention),
		TEST(killed_at_random),
	};

	return cmocka_run_group_tests_name("held", tests, NULL, NULL);
}
