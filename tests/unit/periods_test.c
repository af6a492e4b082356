#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "core/log.h"
#include "tests/unit/output_store.h"

/*
 * The thread of an output with a driver that sends one thing per period. Reports hold one
 * number each; ten numbers are a period, 0…9 the first. What is sent is "PERIOD:COUNT".
 */

enum { SENT_MAX = 64, PERIOD_MS = 1000 };

struct fake {
	int open;   /* the period that is gathered */
	int count;  /* reports in it */
	bool ready; /* one behind it has been seen */
};

static struct far_side {
	pthread_mutex_t mutex;
	enum outcome next[8]; /* what the next sends get */
	size_t next_count;
	bool by_clock; /* the last period is over once everything is taken */
	int begins, opens, closes;
	int64_t begun_ms[8]; /* where each begin() was told to go on */
	bool running_known;
	size_t sends;
	char sent[SENT_MAX][32];
	int reports_twice; /* handed over again within one self */
	int last_value;
} far_side;

static void *fake_open(const void *options, char *why, size_t size)
{
	(void)options, (void)why, (void)size;
	far_side.opens++;
	return calloc(1, sizeof(struct fake));
}

static void fake_close(void *self)
{
	far_side.closes++;
	free(self);
}

static int fake_begin(void *arg, struct store *store, int64_t sent_ms, int64_t running_ms)
{
	struct fake *self = arg;

	assert_non_null(store);
	pthread_mutex_lock(&far_side.mutex);
	far_side.begun_ms[far_side.begins++ % 8] = sent_ms;
	far_side.running_known = running_ms != INT64_MAX;
	far_side.last_value = -1;
	pthread_mutex_unlock(&far_side.mutex);
	*self = (struct fake){ .open = (int)(sent_ms / PERIOD_MS) };
	return 0;
}

static bool fake_take(void *arg, const struct stored_report *stored, int64_t latest_ms)
{
	struct fake *self = arg;
	int value = (int)stored->report.readings[0].value;

	assert_true(latest_ms >= stored->report.time_ms);
	if (value / 10 > self->open) {
		self->ready = true;
		return false;
	}
	far_side.reports_twice += value <= far_side.last_value;
	far_side.last_value = value;
	self->count += value / 10 == self->open; /* else too late: it was sent */
	return true;
}

static bool fake_make(void *arg, bool all_taken, int64_t now_ms, struct buffer *batch)
{
	struct fake *self = arg;

	if (!self->ready &&
		!(all_taken && now_ms > 0 && far_side.by_clock && self->count > 0))
		return false;
	buffer_printf(batch, "%d:%d", self->open, self->count);
	return true;
}

static void fake_send(void *arg, const struct buffer *batch, struct answer *answer)
{
	(void)arg;
	pthread_mutex_lock(&far_side.mutex);
	assert_in_range(far_side.sends, 0, SENT_MAX - 1);
	snprintf(far_side.sent[far_side.sends++], sizeof far_side.sent[0], "%.*s",
		(int)batch->length, batch->data);
	answer->outcome = OUTCOME_DONE;
	if (far_side.next_count > 0) {
		answer->outcome = far_side.next[0];
		far_side.next_count--;
		memmove(far_side.next, far_side.next + 1,
			sizeof far_side.next - sizeof *far_side.next);
		snprintf(answer->reason, sizeof answer->reason, "said no");
	}
	pthread_mutex_unlock(&far_side.mutex);
}

static int64_t fake_sent(void *arg, int64_t *scanned)
{
	struct fake *self = arg;

	assert_true(*scanned > 0);
	*self = (struct fake){ .open = self->open + 1 };
	return (int64_t)self->open * PERIOD_MS;
}

static const struct output_periods periods = {
	.begin = fake_begin,
	.take = fake_take,
	.make = fake_make,
	.sent = fake_sent,
};

static const struct output_driver fake = {
	.kind = { .name = "fake" },
	.open = fake_open,
	.close = fake_close,
	.send = fake_send,
	.periods = &periods,
};

/* --- running it ------------------------------------------------------------------ */

static struct output_store s;
static struct output_common common = { .batch = 100 };
static struct option_item item = {
	.name = "city", .kind = &fake.kind, .common = &common
};
static struct outputs *outputs;

static void start(void)
{
	struct option_list list = { .items = &item, .count = 1 };

	outputs = outputs_start(&list, s.path);
	assert_non_null(outputs);
}

static void stop(void)
{
	outputs_stop(outputs, 1000);
	assert_int_equal(far_side.opens, far_side.closes);
}

static void await_sends(size_t count)
{
	int64_t end = clock_real_ms() + 10000;
	size_t sends;

	do {
		pthread_mutex_lock(&far_side.mutex);
		sends = far_side.sends;
		pthread_mutex_unlock(&far_side.mutex);
		if (sends >= count)
			return;
		usleep(2000);
	} while (clock_real_ms() < end);
	fail_msg("%zu sendings, not %zu", sends, count);
}

static void expect_sent(const char *const *wanted, size_t count)
{
	assert_int_equal(far_side.sends, count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(far_side.sent[i], wanted[i]);
}

static void keep_quiet(enum log_level level, const char *line)
{
	(void)level, (void)line;
}

static int set_up(void **state)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	(void)state;
	far_side = (struct far_side){ .mutex = mutex };
	log_set_sink(keep_quiet);
	output_store_open(&s);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	output_store_close(&s);
	log_set_sink(NULL);
	return 0;
}

/* --- tests ----------------------------------------------------------------------- */

static void each_period_once_and_in_order(void **state)
{
	(void)state;
	output_store_fill(&s, 0, 35); /* the last one stays open */
	start();
	output_store_await(&s, outputs, 0, 30);
	assert_int_equal(output_store_cursor(&s, "city/period"), 3 * PERIOD_MS);
	output_store_fill(&s, 35, 10); /* 35…44 */
	outputs_ring(outputs);
	output_store_await(&s, outputs, 0, 40);
	stop();
	expect_sent((const char *const[]){ "0:10", "1:10", "2:10", "3:10" }, 4);
	assert_int_equal(far_side.begins, 1);
	assert_int_equal(far_side.begun_ms[0], 0);
	assert_int_equal(far_side.reports_twice, 0);
}

static void more_than_a_portion_is_read(void **state)
{
	(void)state;
	assert_int_equal(store_begin(s.recorder), 0);
	for (int i = 0; i < 2500; i++) /* all of the first period but the last */
		output_store_put(&s, 1700000000000 + i, i < 2499 ? 5 : 10, FLAG_GOOD, 0);
	assert_int_equal(store_commit(s.recorder), 0);
	start();
	output_store_await(&s, outputs, 0, 2499);
	stop();
	expect_sent((const char *const[]){ "0:2499" }, 1);
}

static void the_clock_ends_a_period_too(void **state)
{
	(void)state;
	far_side.by_clock = true;
	output_store_fill(&s, 0, 14);
	start();
	output_store_await(&s, outputs, 0, 14);
	stop();
	expect_sent((const char *const[]){ "0:10", "1:4" }, 2);
	assert_true(far_side.running_known);
}

static void a_failure_repeats_the_same_period(void **state)
{
	(void)state;
	far_side.next[0] = OUTCOME_RETRY;
	far_side.next_count = 1;
	output_store_fill(&s, 0, 25);
	start();
	await_sends(1);
	assert_int_equal(output_store_cursor(&s, "city"), 0);
	output_store_await(&s, outputs, 0, 20);
	stop();
	expect_sent((const char *const[]){ "0:10", "0:10", "1:10" }, 3);
	assert_int_equal(far_side.begins, 1);
}

static void a_restart_goes_on_behind_what_was_sent(void **state)
{
	(void)state;
	output_store_fill(&s, 0, 15);
	start();
	output_store_await(&s, outputs, 0, 10);
	stop();
	output_store_fill(&s, 15, 10);
	start();
	output_store_await(&s, outputs, 0, 20);
	stop();
	expect_sent((const char *const[]){ "0:10", "1:10" }, 2);
	assert_int_equal(far_side.begins, 2);
	assert_int_equal(far_side.begun_ms[1], PERIOD_MS);
	assert_int_equal(far_side.reports_twice, 0);
}

/* The period's end is written before the cursor: a crash in between costs reading only.
 */
static void a_crash_between_the_two_places(void **state)
{
	(void)state;
	output_store_fill(&s, 0, 25);
	assert_int_equal(store_cursor_set(s.recorder, "city/period", PERIOD_MS), 0);
	start();
	output_store_await(&s, outputs, 0, 20);
	stop();
	expect_sent((const char *const[]){ "1:10" }, 1);
	assert_int_equal(far_side.begun_ms[0], PERIOD_MS);
}

static void a_period_that_is_held_is_kept(void **state)
{
	struct output_status status;

	(void)state;
	far_side.next[0] = OUTCOME_HELD;
	far_side.next_count = 1;
	output_store_fill(&s, 0, 15);
	start();
	await_sends(1);
	int64_t end = clock_real_ms() + 10000;
	do {
		usleep(2000);
		outputs_get_status(outputs, 0, &status);
	} while (!status.held && clock_real_ms() < end);
	assert_true(status.held);
	assert_string_equal(status.last_error, "said no");
	assert_int_equal(status.lag, 15);
	stop(); /* at once, though it waits */
	assert_true(clock_real_ms() < end);
	assert_int_equal(output_store_cursor(&s, "city"), 0);
	start();
	output_store_await(&s, outputs, 0, 10);
	stop();
	expect_sent((const char *const[]){ "0:10", "0:10" }, 2);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_period_once_and_in_order),
		TEST(more_than_a_portion_is_read),
		TEST(the_clock_ends_a_period_too),
		TEST(a_failure_repeats_the_same_period),
		TEST(a_restart_goes_on_behind_what_was_sent),
		TEST(a_crash_between_the_two_places),
		TEST(a_period_that_is_held_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
