#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "core/log.h"
#include "core/thread.h"
#include "store/cursors.h"
#include "store/dead_letters.h"
#include "store/reports.h"
#include "outputs/worker.h"
#include "tests/unit/output_store.h"

/*
 * The thread of an output with a driver that writes one number per line and answers
 * by what stands in the batch.
 */

enum { SENDS = 4096, TAKEN = 65536 };

static struct far_side {
	pthread_mutex_t mutex;
	/* How it behaves. */
	bool (*is_guilty)(int value);
	enum outcome next[8]; /* what the next sends get, before all else */
	size_t next_count;
	int64_t retry_after_ms;
	size_t most; /* lines in one sending; 0: no limit */
	bool say_refused;
	bool name_refused;
	int status;
	_Atomic int pause_ms; /* how long each sending takes */
	bool hang;
	int opens_to_fail;
	/* What it saw. */
	size_t sends;
	size_t sizes[SENDS]; /* lines in each sending */
	int64_t times[SENDS];
	size_t taken_count;
	int taken[TAKEN];
	int opens, closes;
	bool aborted;
} far_side = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void *fake_open(const void *options, char *why, size_t size)
{
	void *self = &far_side;

	(void)options;
	pthread_mutex_lock(&far_side.mutex);
	far_side.opens++;
	if (far_side.opens_to_fail > 0) {
		far_side.opens_to_fail--;
		snprintf(why, size, "the token is missing");
		self = NULL;
	}
	pthread_mutex_unlock(&far_side.mutex);
	return self;
}

static void fake_close(void *self)
{
	(void)self;
	pthread_mutex_lock(&far_side.mutex);
	far_side.closes++;
	pthread_mutex_unlock(&far_side.mutex);
}

static void fake_encode(
	void *self, const struct stored_report *stored, struct buffer *batch)
{
	(void)self;
	if (stored->report.readings[0].flag != FLAG_MISSING)
		buffer_printf(batch, "%g\n", stored->report.readings[0].value);
}

static void judge(const struct buffer *batch, size_t lines, const int *values,
	struct answer *answer)
{
	size_t guilty = 0;

	for (size_t i = 0; far_side.is_guilty && i < lines; i++)
		guilty += far_side.is_guilty(values[i]);
	answer->outcome = OUTCOME_DONE;
	if (far_side.next_count > 0) {
		answer->outcome = far_side.next[0];
		far_side.next_count--;
		memmove(far_side.next, far_side.next + 1,
			sizeof far_side.next - sizeof *far_side.next);
		answer->retry_after_ms = far_side.retry_after_ms;
	} else if (guilty > 0 || (far_side.most > 0 && lines > far_side.most)) {
		answer->outcome = OUTCOME_REFUSED;
		answer->refused = far_side.say_refused ? (int64_t)guilty : 0;
		answer->status = far_side.status;
		for (size_t i = 0; far_side.name_refused && i < lines; i++) {
			if (far_side.is_guilty(values[i]))
				answer->guilty[answer->guilty_count++] = (uint32_t)i;
		}
	}
	(void)batch;
}

static void fake_send(void *self, const struct buffer *batch, struct answer *answer)
{
	static int values[TAKEN];
	size_t lines = 0;

	(void)self;
	usleep((useconds_t)far_side.pause_ms * 1000);
	pthread_mutex_lock(&far_side.mutex);
	for (const char *p = batch->data, *end = p + batch->length; p < end; lines++) {
		values[lines] = (int)strtol(p, NULL, 10);
		p = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
	}
	assert_in_range(far_side.sends, 0, SENDS - 1);
	far_side.times[far_side.sends] = clock_real_ms();
	far_side.sizes[far_side.sends++] = lines;
	judge(batch, lines, values, answer);
	if (answer->outcome == OUTCOME_DONE && !far_side.hang) {
		memcpy(far_side.taken + far_side.taken_count, values,
			lines * sizeof *values);
		far_side.taken_count += lines;
	} else {
		snprintf(answer->reason, sizeof answer->reason, "said no");
	}
	while (far_side.hang && !far_side.aborted) {
		pthread_mutex_unlock(&far_side.mutex);
		usleep(5000);
		pthread_mutex_lock(&far_side.mutex);
		answer->outcome = OUTCOME_RETRY;
		answer->maybe_taken = true;
	}
	pthread_mutex_unlock(&far_side.mutex);
}

static void fake_abort(void *self)
{
	(void)self;
	pthread_mutex_lock(&far_side.mutex);
	far_side.aborted = true;
	pthread_mutex_unlock(&far_side.mutex);
}

static const struct output_driver fake = {
	.kind = { .name = "fake" },
	.open = fake_open,
	.close = fake_close,
	.encode = fake_encode,
	.send = fake_send,
	.abort = fake_abort,
};

/* --- running it ------------------------------------------------------------ */

static struct output_store s;
static struct output_common common;
static struct option_item item;
static struct outputs *outputs;
static _Atomic int errors_logged;

static void count_errors(enum log_level level, const char *line)
{
	(void)line;
	if (level == LOG_LEVEL_ERROR)
		errors_logged++;
}

static void start(void)
{
	struct option_list list = { .items = &item, .count = 1 };

	outputs = outputs_start(&list, s.path);
	assert_non_null(outputs);
	assert_int_equal(outputs_count(outputs), 1);
}

static struct output_status status(void)
{
	struct output_status now;

	outputs_get_status(outputs, 0, &now);
	return now;
}

/* Waits until the output's last error begins so; fails after ten seconds. */
static void await_error(const char *beginning)
{
	int64_t end = clock_real_ms() + 10000;

	while (strncmp(status().last_error, beginning, strlen(beginning)) != 0) {
		if (clock_real_ms() > end)
			fail_msg("\"%s\", not \"%s…\"", status().last_error, beginning);
		usleep(2000);
	}
}

/* The same for the place where the output is, whatever the store says. */
static void await_cursor(int64_t cursor)
{
	int64_t end = clock_real_ms() + 10000;

	while (status().cursor != cursor) {
		if (clock_real_ms() > end)
			fail_msg("cursor is %lld, not %lld", (long long)status().cursor,
				(long long)cursor);
		usleep(2000);
	}
}

static void await_lag(int64_t lag)
{
	int64_t end = clock_real_ms() + 10000;

	while (status().lag != lag) {
		if (clock_real_ms() > end)
			fail_msg("lag is %lld, not %lld", (long long)status().lag,
				(long long)lag);
		usleep(2000);
	}
}

static int set_up(void **state)
{
	(void)state;
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	memset(&far_side, 0, sizeof far_side);
	far_side.mutex = mutex;
	far_side.retry_after_ms = -1;
	common = (struct output_common){ .batch = 100 };
	item = (struct option_item){
		.name = "city", .kind = &fake.kind, .common = &common
	};
	errors_logged = 0;
	log_set_sink(count_errors);
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

static void expect_taken(const int *values, size_t count)
{
	assert_int_equal(far_side.taken_count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(far_side.taken[i], values[i]);
}

/* Everything from FIRST to LAST but the guilty, each once, in order. */
static void expect_all_but_guilty(int first, int last, bool (*is_guilty)(int value))
{
	size_t at = 0;

	for (int value = first; value <= last; value++) {
		if (is_guilty && is_guilty(value))
			continue;
		assert_true(at < far_side.taken_count);
		assert_int_equal(far_side.taken[at++], value);
	}
	assert_int_equal(far_side.taken_count, at);
}

static int letters;
static char letter_body[256], letter_reason[256];

static int count_letter(void *arg, int columns, char **values, char **names)
{
	(void)arg, (void)names;
	assert_int_equal(columns, 3);
	letters++;
	snprintf(letter_body, sizeof letter_body, "%s", values[1]);
	snprintf(letter_reason, sizeof letter_reason, "%s", values[2]);
	/* Row ids begin at 1, values too: the letter belongs to its report. */
	assert_string_equal(values[0], values[1]);
	return 0;
}

static void read_letters(void)
{
	letters = 0;
	assert_int_equal(sqlite3_exec(store_handle(s.recorder),
				 "SELECT report, body, reason FROM dead_letter"
				 " WHERE output='city' ORDER BY rowid",
				 count_letter, NULL, NULL),
		SQLITE_OK);
}

/* --- tests -------------------------------------------------------------------- */

static void test_batches_in_order(void **state)
{
	(void)state;
	output_store_fill(&s, 1, 250);
	start();
	output_store_await(&s, outputs, 0, 250);
	assert_int_equal(far_side.sends, 3);
	assert_int_equal(far_side.sizes[0], 100);
	assert_int_equal(far_side.sizes[2], 50);
	expect_all_but_guilty(1, 250, NULL);
	output_store_fill(&s, 251, 5);
	outputs_ring(outputs);
	output_store_await(&s, outputs, 0, 255);
	expect_all_but_guilty(1, 255, NULL);
	struct output_status now = status();
	assert_string_equal(now.name, "city");
	assert_string_equal(now.type, "fake");
	assert_int_equal(now.cursor, 255);
	assert_int_equal(now.lag, 0);
	assert_int_equal(now.sent, 255);
	assert_int_equal(now.failures, 0);
	assert_int_equal(now.dead, 0);
	assert_true(now.last_success_ms > 0);
	outputs_stop(outputs, 1000);
	assert_int_equal(far_side.opens, 1);
	assert_int_equal(far_side.closes, 1);
	/* The next start goes on where this one ended. */
	output_store_fill(&s, 256, 1);
	start();
	output_store_await(&s, outputs, 0, 256);
	outputs_stop(outputs, 1000);
	expect_all_but_guilty(1, 256, NULL);
}

static void test_nothing_to_say_moves_the_cursor(void **state)
{
	(void)state;
	store_begin(s.recorder);
	for (int i = 0; i < 150; i++)
		output_store_put(&s, 1700000000000, 1, FLAG_MISSING, 0);
	store_commit(s.recorder);
	start();
	output_store_await(&s, outputs, 0, 150);
	outputs_stop(outputs, 1000);
	assert_int_equal(far_side.sends, 0);
}

static void test_impossible_times_are_skipped(void **state)
{
	int64_t now = clock_wall_ms(), day = 24 * 3600 * 1000;

	(void)state;
	store_begin(s.recorder);
	output_store_put(&s, 1577836800000 - 1, 1, FLAG_GOOD, 0);
	output_store_put(&s, 1577836800000, 2, FLAG_GOOD, 0);
	output_store_put(&s, now + day + 60000, 3, FLAG_GOOD, 0);
	output_store_put(&s, now + day - 60000, 4, FLAG_GOOD, 0);
	output_store_put(&s, now, 5, FLAG_GOOD, REPORT_CLOCK_UNSET);
	output_store_put(&s, now, 6, FLAG_GOOD, REPORT_BACKFILLED);
	output_store_put(&s, -1, 7, FLAG_GOOD, 0);
	store_commit(s.recorder);
	start();
	output_store_await(&s, outputs, 0, 7);
	assert_int_equal(status().skipped, 4);
	assert_int_equal(status().sent, 3);
	outputs_stop(outputs, 1000);
	expect_taken((const int[]){ 2, 4, 6 }, 3);
}

static bool is_seventeen(int value)
{
	return value == 17;
}

static void test_the_guilty_report_stands_alone(void **state)
{
	(void)state;
	far_side.is_guilty = is_seventeen;
	output_store_fill(&s, 1, 100);
	start();
	output_store_await(&s, outputs, 0, 100);
	struct output_status now = status();
	outputs_stop(outputs, 1000);
	expect_all_but_guilty(1, 100, is_seventeen);
	read_letters();
	assert_int_equal(letters, 1);
	assert_string_equal(letter_body, "17");
	assert_string_equal(letter_reason, "said no");
	assert_int_equal(now.dead, 1);
	assert_int_equal(now.sent, 99);
	assert_string_equal(now.last_error, "said no");
	assert_false(now.held);
	assert_in_range(far_side.sends, 2, 20); /* halving, not one by one */
}

static bool is_of_many(int value)
{
	return value == 1 || value == 2 || value == 100 || value == 101 ||
		value % 41 == 0;
}

static void test_several_guilty_ones(void **state)
{
	(void)state;
	far_side.is_guilty = is_of_many;
	output_store_fill(&s, 1, 200);
	start();
	output_store_await(&s, outputs, 0, 200);
	outputs_stop(outputs, 1000);
	expect_all_but_guilty(1, 200, is_of_many);
	read_letters();
	assert_int_equal(letters, 4 + 4);
	assert_string_equal(letter_body, "164");
}

static bool is_anything(int value)
{
	(void)value;
	return true;
}

static void test_all_guilty_at_once(void **state)
{
	(void)state;
	far_side.is_guilty = is_anything;
	far_side.say_refused = true;
	output_store_fill(&s, 1, 100);
	start();
	output_store_await(&s, outputs, 0, 100);
	assert_int_equal(status().dead, 100);
	outputs_stop(outputs, 1000);
	/* The far side said that it refuses all of them: no halving needed. */
	assert_int_equal(far_side.sends, 1);
	read_letters();
	assert_int_equal(letters, 100);
}

static void test_dead_letters_have_a_ceiling(void **state)
{
	(void)state;
	far_side.is_guilty = is_anything;
	far_side.say_refused = true;
	output_store_fill(&s, 1, 100);
	assert_int_equal(sqlite3_exec(store_handle(s.recorder),
				 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
				 " FROM n WHERE i < 99950) INSERT INTO dead_letter"
				 " SELECT i, iif(i <= 10, 'other', 'city'), i, 0, '', ''"
				 " FROM n",
				 NULL, NULL, NULL),
		SQLITE_OK);
	start();
	output_store_await(&s, outputs, 0, 100);
	assert_int_equal(status().dead, DEAD_LETTERS_MAX);
	assert_int_equal(status().dead_dropped, 40);
	outputs_stop(outputs, 1000);
	assert_int_equal(store_dead_letter_count(s.recorder, "city"), DEAD_LETTERS_MAX);
	assert_int_equal(store_dead_letter_count(s.recorder, "other"), 10);
	assert_int_equal(
		dead_letters_drop(s.recorder, "city", 50), 0); /* the oldest went */
	assert_int_equal(dead_letters_drop(s.recorder, "city", 51), 1);
}

static void test_some_refused_are_still_halved(void **state)
{
	(void)state;
	far_side.is_guilty = is_seventeen;
	far_side.say_refused = true;
	output_store_fill(&s, 1, 100);
	start();
	output_store_await(&s, outputs, 0, 100);
	outputs_stop(outputs, 1000);
	expect_all_but_guilty(1, 100, is_seventeen);
	read_letters();
	assert_int_equal(letters, 1);
}

static void test_too_large_a_batch_is_halved(void **state)
{
	(void)state;
	far_side.most = 30;
	output_store_fill(&s, 1, 100);
	start();
	output_store_await(&s, outputs, 0, 100);
	outputs_stop(outputs, 1000);
	expect_all_but_guilty(1, 100, NULL);
	read_letters();
	assert_int_equal(letters, 0);
}

static void test_named_ones_are_not_searched_for(void **state)
{
	(void)state;
	far_side.is_guilty = is_of_many;
	far_side.name_refused = true;
	output_store_fill(&s, 1, 100);
	start();
	output_store_await(&s, outputs, 0, 100);
	outputs_stop(outputs, 1000);
	expect_all_but_guilty(1, 100, is_of_many);
	read_letters();
	assert_int_equal(letters, 3 + 2);
	/* The whole, then what stands between 1, 2, 41, 82 and 100. */
	assert_int_equal(far_side.sends, 1 + 3);
}

static void test_the_size_that_fits_is_remembered(void **state)
{
	(void)state;
	far_side.most = 30;
	far_side.status = 413;
	output_store_fill(&s, 101, 400); /* lines of one length */
	start();
	output_store_await(&s, outputs, 0, 400);
	outputs_stop(outputs, 1000);
	expect_all_but_guilty(101, 500, NULL);
	/* 100, 50, 25 and its three like; then never more than 25 again. */
	assert_int_equal(far_side.sizes[0], 100);
	for (size_t i = 7; i < far_side.sends; i++)
		assert_in_range(far_side.sizes[i], 1, 25);
	assert_in_range(far_side.sends, 1, 7 + 14);
}

/* --- two lanes --------------------------------------------------------------- */

static size_t place_of(int value)
{
	size_t at = 0;

	while (at < far_side.taken_count && far_side.taken[at] != value)
		at++;
	assert_true(at < far_side.taken_count);
	return at;
}

static void await_taken(size_t count)
{
	int64_t end = clock_real_ms() + 10000;

	for (;;) {
		pthread_mutex_lock(&far_side.mutex);
		size_t taken = far_side.taken_count;
		pthread_mutex_unlock(&far_side.mutex);
		if (taken >= count)
			return;
		if (clock_real_ms() > end)
			fail_msg("only %zu were taken", taken);
		usleep(1000);
	}
}

static void expect_each_once(int first, int last)
{
	assert_int_equal(far_side.taken_count, last - first + 1);
	for (int value = first; value <= last; value++)
		place_of(value);
}

static void test_live_overtakes_the_backlog(void **state)
{
	(void)state;
	common.batch = 10;
	far_side.pause_ms = 5;
	output_store_fill(&s, 1, 1000);
	start();
	await_taken(100);
	output_store_fill(&s, 1001, 3);
	outputs_ring(outputs);
	output_store_await(&s, outputs, 0, 1003);
	assert_int_equal(status().lag, 0);
	assert_int_equal(status().backlog, 0);
	outputs_stop(outputs, 1000);
	expect_each_once(1, 1003);
	assert_in_range(place_of(1001), 100, 300);
	assert_true(place_of(1001) < place_of(1002) && place_of(1002) < place_of(1003));
	for (int value = 2; value <= 1000; value++)
		assert_true(place_of(value - 1) < place_of(value));
}

static void test_oldest_first_overtakes_nothing(void **state)
{
	(void)state;
	common.batch = 10;
	common.order = OUTPUT_OLDEST_FIRST;
	far_side.pause_ms = 5;
	output_store_fill(&s, 1, 500);
	start();
	await_taken(50);
	output_store_fill(&s, 501, 3);
	outputs_ring(outputs);
	output_store_await(&s, outputs, 0, 503);
	outputs_stop(outputs, 1000);
	expect_all_but_guilty(1, 503, NULL);
}

static void test_lanes_survive_a_restart(void **state)
{
	(void)state;
	common.batch = 10;
	common.rate = 20; /* the backlog goes slowly, the live lane does not */
	output_store_fill(&s, 1, 100);
	start();
	await_taken(10);
	output_store_fill(&s, 101, 25);
	outputs_ring(outputs);
	await_taken(35);
	struct output_status now = status();
	assert_int_equal(now.cursor + now.lag, 100);
	assert_int_equal(now.backlog, now.lag);
	outputs_stop(outputs, 1000);
	assert_in_range(output_store_cursor(&s, "city"), 10, 60);
	common.rate = 0;
	start();
	output_store_await(&s, outputs, 0, 125);
	outputs_stop(outputs, 1000);
	expect_each_once(1, 125);
}

static void test_an_outage_splits_the_lanes(void **state)
{
	(void)state;
	common.batch = 10;
	far_side.next[0] = OUTCOME_RETRY;
	far_side.next_count = 1;
	output_store_fill(&s, 1, 5);
	start();
	await_error("said no");
	output_store_fill(&s, 6, 95);
	far_side.pause_ms = 20;
	await_taken(15);
	output_store_fill(&s, 101, 1);
	outputs_ring(outputs);
	output_store_await(&s, outputs, 0, 101);
	outputs_stop(outputs, 1000);
	expect_each_once(1, 101);
	assert_in_range(place_of(101), 15, 60);
}

static void test_a_dead_letter_in_each_lane(void **state)
{
	(void)state;
	common.batch = 10;
	far_side.is_guilty = is_of_many;
	far_side.pause_ms = 5;
	output_store_fill(&s, 1, 100);
	start();
	await_taken(10);
	output_store_fill(&s, 101, 30);
	outputs_ring(outputs);
	output_store_await(&s, outputs, 0, 130);
	outputs_stop(outputs, 1000);
	read_letters();
	assert_int_equal(letters, 4 + 3);
	assert_int_equal(far_side.taken_count, 130 - 7);
}

static void test_the_rate_holds_for_the_backlog(void **state)
{
	(void)state;
	common.batch = 50;
	common.rate = 100;
	output_store_fill(&s, 1, 150);
	int64_t before = clock_real_ms();
	start();
	output_store_await(&s, outputs, 0, 150);
	assert_in_range(clock_real_ms() - before, 900, 10000);
	outputs_stop(outputs, 1000);
	expect_each_once(1, 150);
}

static void test_the_rate_holds_oldest_first(void **state)
{
	(void)state;
	common.order = OUTPUT_OLDEST_FIRST;
	common.batch = 50;
	common.rate = 100;
	output_store_fill(&s, 1, 200);
	int64_t before = clock_real_ms();
	start();
	output_store_await(&s, outputs, 0, 200);
	assert_in_range(clock_real_ms() - before, 900, 10000);
	outputs_stop(outputs, 1000);
	expect_all_but_guilty(1, 200, NULL);
}

static void test_jitter_keeps_the_backlog_back_alone(void **state)
{
	(void)state;
	common.batch = 10;
	common.jitter = 3600 * 1000; /* by chance zero once in a million */
	output_store_fill(&s, 1, 100);
	start();
	await_lag(100);
	output_store_fill(&s, 101, 2);
	outputs_ring(outputs);
	await_taken(2);
	outputs_stop(outputs, 1000);
	expect_taken((const int[]){ 101, 102 }, 2);
	assert_int_equal(output_store_cursor(&s, "city"), 0);
}

/* How long the backlog waits after failures for OUTAGE_MS. */
static int64_t wait_after(int64_t outage_ms)
{
	const struct answer answer = { .outcome = OUTCOME_RETRY, .reason = "no" };
	struct output output = { .item = &item, .jitter_ms = 3600 * 1000 };
	int64_t most = 0;

	pthread_mutex_init(&output.mutex, NULL);
	for (int i = 0; i < 20; i++) { /* by chance one may be short */
		output.backlog_ms = 0;
		output_note_trouble(&output, &answer);
		output_note_trouble(&output, &answer); /* begins no new outage */
		output.failing_ms -= outage_ms;
		output_note_well(&output);
		assert_int_equal(output.failing_ms, 0);
		if (output.backlog_ms > 0 && output.backlog_ms - clock_real_ms() > most)
			most = output.backlog_ms - clock_real_ms();
	}
	pthread_mutex_destroy(&output.mutex);
	return most;
}

static void test_only_a_long_outage_brings_jitter(void **state)
{
	(void)state;
	assert_int_equal(wait_after(59 * 1000), 0);
	assert_in_range(wait_after(61 * 1000), 60 * 1000, 3600 * 1000);
	assert_in_range(wait_after(3600 * 1000), 60 * 1000, 3600 * 1000);
}

static const struct output_driver other_kind = {
	.kind = { .name = "other" },
	.open = fake_open,
	.close = fake_close,
	.encode = fake_encode,
	.send = fake_send,
};

static void test_the_name_is_what_keeps_the_place(void **state)
{
	(void)state;
	output_store_fill(&s, 1, 20);
	start();
	output_store_await(&s, outputs, 0, 20);
	outputs_stop(outputs, 1000);
	item.kind = &other_kind.kind;
	common.batch = 7;
	output_store_fill(&s, 21, 1);
	start();
	output_store_await(&s, outputs, 0, 21);
	outputs_stop(outputs, 1000);
	expect_all_but_guilty(1, 21, NULL);
	/* Another name is another output: it begins at the oldest report. */
	far_side.taken_count = 0;
	item.name = "village";
	start();
	output_store_await(&s, outputs, 0, 21);
	outputs_stop(outputs, 1000);
	expect_all_but_guilty(1, 21, NULL);
}

static void test_retry_keeps_the_batch(void **state)
{
	(void)state;
	far_side.next[0] = OUTCOME_RETRY;
	far_side.next_count = 1;
	far_side.retry_after_ms = 1200;
	output_store_fill(&s, 1, 10);
	start();
	await_error("said no");
	output_store_fill(&s, 11, 5);
	outputs_ring(outputs); /* must not cut the pause short */
	output_store_await(&s, outputs, 0, 15);
	struct output_status now = status();
	outputs_stop(outputs, 1000);
	assert_int_equal(now.failures, 1);
	expect_all_but_guilty(1, 15, NULL);
	assert_int_equal(far_side.sizes[0], 10);
	assert_int_equal(far_side.sizes[1], 10);
	assert_in_range(far_side.times[1] - far_side.times[0], 1200, 10000);
}

static void test_held_keeps_and_shouts_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < 8; i++)
		far_side.next[i] = OUTCOME_HELD;
	far_side.next_count = 8;
	output_store_fill(&s, 1, 10);
	start();
	await_error("said no");
	outputs_ring(outputs);
	usleep(100 * 1000);
	assert_true(status().held);
	assert_int_equal(far_side.sends, 1);
	assert_int_equal(errors_logged, 1);
	assert_int_equal(output_store_cursor(&s, "city"), 0);
	int64_t before = clock_real_ms();
	outputs_stop(outputs, 5000);
	assert_in_range(clock_real_ms() - before, 0, 4000);
	read_letters();
	assert_int_equal(letters, 0);
	/* Somebody looked after it. */
	far_side.next_count = 0;
	start();
	output_store_await(&s, outputs, 0, 10);
	assert_false(status().held);
	outputs_stop(outputs, 1000);
	expect_all_but_guilty(1, 10, NULL);
}

static void test_failing_open_is_tried_again(void **state)
{
	(void)state;
	far_side.opens_to_fail = 1;
	output_store_fill(&s, 1, 3);
	start();
	await_error("cannot be opened: the token is missing");
	output_store_await(&s, outputs, 0, 3);
	outputs_stop(outputs, 1000);
	assert_int_equal(far_side.opens, 2);
	assert_int_equal(far_side.closes, 1);
	expect_all_but_guilty(1, 3, NULL);
}

static void test_stop_sends_what_is_left(void **state)
{
	(void)state;
	start();
	usleep(50 * 1000);
	output_store_fill(&s, 1, 350); /* and nobody rings */
	outputs_stop(outputs, 5000);
	expect_all_but_guilty(1, 350, NULL);
	assert_int_equal(output_store_cursor(&s, "city"), 350);
}

static void test_stop_ends_a_hanging_send(void **state)
{
	(void)state;
	far_side.hang = true;
	output_store_fill(&s, 1, 10);
	start();
	usleep(100 * 1000);
	int64_t before = clock_real_ms();
	outputs_stop(outputs, 300);
	assert_in_range(clock_real_ms() - before, 250, 10000);
	assert_true(far_side.aborted);
	assert_int_equal(output_store_cursor(&s, "city"), 0);
}

static void test_linger_fills_a_batch(void **state)
{
	(void)state;
	common.linger = 60 * 1000;
	common.batch = 10;
	output_store_fill(&s, 1, 4);
	start();
	usleep(200 * 1000);
	assert_int_equal(status().sent, 0);
	output_store_fill(&s, 5, 7);
	outputs_ring(outputs);
	output_store_await(&s, outputs, 0, 10);
	usleep(50 * 1000);
	assert_int_equal(far_side.sends, 1);
	/* The eleventh waits, but not beyond the stop. */
	outputs_stop(outputs, 1000);
	assert_int_equal(far_side.sends, 2);
	expect_all_but_guilty(1, 11, NULL);
}

static void test_locked_store_is_waited_for(void **state)
{
	(void)state;
	output_store_fill(&s, 1, 10);
	assert_int_equal(store_begin(s.recorder), 0); /* the recorder is writing */
	start();
	await_taken(10);
	usleep(100 * 1000);
	store_rollback(s.recorder);
	output_store_await(&s, outputs, 0, 10);
	outputs_stop(outputs, 1000);
}

static void test_absent_store_is_waited_for(void **state)
{
	char path[100];

	(void)state;
	output_store_fill(&s, 1, 3);
	store_close(s.recorder);
	s.recorder = NULL;
	snprintf(path, sizeof path, "%.99s", s.path);
	snprintf(s.path, sizeof s.path, "%s.away", path);
	assert_int_equal(rename(path, s.path), 0);
	struct option_list list = { .items = &item, .count = 1 };
	outputs = outputs_start(&list, path);
	await_error("cannot open the store: ");
	assert_int_equal(rename(s.path, path), 0);
	snprintf(s.path, sizeof s.path, "%s", path);
	char why[256];
	s.recorder = store_open(s.path, STORE_RECORDER, why, sizeof why);
	assert_non_null(s.recorder);
	output_store_await(&s, outputs, 0, 3);
	outputs_stop(outputs, 1000);
}

static void test_cursor_beyond_the_store(void **state)
{
	(void)state;
	output_store_fill(&s, 1, 3);
	assert_int_equal(store_cursor_set(s.recorder, "city", 1000), 0);
	start();
	await_cursor(3); /* it has looked what there is */
	output_store_fill(&s, 4, 2);
	outputs_ring(outputs);
	output_store_await(&s, outputs, 0, 5);
	outputs_stop(outputs, 1000);
	expect_taken((const int[]){ 4, 5 }, 2);
}

static void test_damaged_rows_do_not_block(void **state)
{
	(void)state;
	output_store_fill(&s, 1, 300);
	assert_int_equal(sqlite3_exec(store_handle(s.recorder),
				 "UPDATE report SET data=x'ff00' WHERE id <= 250", NULL,
				 NULL, NULL),
		SQLITE_OK);
	start();
	output_store_await(&s, outputs, 0, 300);
	outputs_stop(outputs, 1000);
	expect_all_but_guilty(251, 300, NULL);
}

static void test_outputs_do_not_hinder_each_other(void **state)
{
	struct output_common second_common = { .batch = 7 };
	struct option_item items[] = {
		item,
		{ .name = "second", .kind = &fake.kind, .common = &second_common },
	};
	struct option_list list = { .items = items, .count = 2 };

	(void)state;
	assert_int_equal(store_cursor_set(s.recorder, "second", 15), 0);
	output_store_fill(&s, 1, 20);
	outputs = outputs_start(&list, s.path);
	output_store_await(&s, outputs, 0, 20);
	output_store_await(&s, outputs, 1, 20);
	outputs_stop(outputs, 1000);
	assert_int_equal(far_side.taken_count, 20 + 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_batches_in_order),
		TEST(test_nothing_to_say_moves_the_cursor),
		TEST(test_impossible_times_are_skipped),
		TEST(test_the_guilty_report_stands_alone),
		TEST(test_several_guilty_ones),
		TEST(test_all_guilty_at_once),
		TEST(test_dead_letters_have_a_ceiling),
		TEST(test_some_refused_are_still_halved),
		TEST(test_too_large_a_batch_is_halved),
		TEST(test_named_ones_are_not_searched_for),
		TEST(test_the_size_that_fits_is_remembered),
		TEST(test_live_overtakes_the_backlog),
		TEST(test_oldest_first_overtakes_nothing),
		TEST(test_lanes_survive_a_restart),
		TEST(test_an_outage_splits_the_lanes),
		TEST(test_a_dead_letter_in_each_lane),
		TEST(test_the_rate_holds_for_the_backlog),
		TEST(test_the_rate_holds_oldest_first),
		TEST(test_jitter_keeps_the_backlog_back_alone),
		TEST(test_only_a_long_outage_brings_jitter),
		TEST(test_the_name_is_what_keeps_the_place),
		TEST(test_retry_keeps_the_batch),
		TEST(test_held_keeps_and_shouts_once),
		TEST(test_failing_open_is_tried_again),
		TEST(test_stop_sends_what_is_left),
		TEST(test_stop_ends_a_hanging_send),
		TEST(test_linger_fills_a_batch),
		TEST(test_locked_store_is_waited_for),
		TEST(test_absent_store_is_waited_for),
		TEST(test_cursor_beyond_the_store),
		TEST(test_damaged_rows_do_not_block),
		TEST(test_outputs_do_not_hinder_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
