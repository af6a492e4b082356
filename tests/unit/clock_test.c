/* The clocks: times as text and back, and the clocks that tests and demos hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"
#include "tests/unit/chance.h"

static const int64_t morning = 1795314600000; /* 2026-11-22T09:30:00+07:00 */

static void expect_text(int64_t ms, int offset_minutes, const char *wanted)
{
	char text[CLOCK_TEXT_SIZE];

	assert_ptr_equal(clock_format(text, ms, offset_minutes), text);
	assert_string_equal(text, wanted);
}

static void expect_ms(const char *text, int64_t wanted)
{
	int64_t ms = 0;

	if (!clock_parse(text, &ms))
		fail_msg("\"%s\" is not taken", text);
	if (ms != wanted)
		fail_msg("\"%s\" is %lld, not %lld", text, (long long)ms,
			(long long)wanted);
}

static void writes_times(void **state)
{
	(void)state;
	expect_text(morning, 420, "2026-11-22T09:30:00+07:00");
	expect_text(morning, 0, "2026-11-22T02:30:00+00:00");
	expect_text(morning + 7, 420, "2026-11-22T09:30:00.007+07:00");
	expect_text(morning, -210, "2026-11-21T23:00:00-03:30");
	expect_text(morning, -30, "2026-11-22T02:00:00-00:30");
	expect_text(0, 0, "1970-01-01T00:00:00+00:00");
	expect_text(-1, 0, "1969-12-31T23:59:59.999+00:00");
	expect_text(951782400000, 0, "2000-02-29T00:00:00+00:00");
	expect_text(951782400000 - 1, 0, "2000-02-28T23:59:59.999+00:00");
	expect_text(1772236800000, 0, "2026-02-28T00:00:00+00:00");
	expect_text(1772323200000, 0, "2026-03-01T00:00:00+00:00");
	expect_text(253402300799999, 0, "9999-12-31T23:59:59.999+00:00");
}

static void the_farthest_times_stay_short(void **state)
{
	(void)state;
	static const int64_t times[] = { INT64_MAX, INT64_MIN, 253402300800000,
		-62167219200001, INT64_MAX / 2, INT64_MIN / 2 };
	char text[CLOCK_TEXT_SIZE];

	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		for (int offset = -1439; offset <= 1439; offset += 1439) {
			clock_format(text, times[i], offset);
			assert_int_equal(text[4], '-');
			assert_int_equal(text[10], 'T');
			assert_in_range(strlen(text), 25, 29);
		}
}

static void reads_times(void **state)
{
	(void)state;
	expect_ms("2026-11-22T09:30:00+07:00", morning);
	expect_ms("2026-11-22T02:30:00Z", morning);
	expect_ms("2026-11-22t02:30:00z", morning);
	expect_ms("2026-11-22 02:30:00Z", morning);
	expect_ms("2026-11-22T02:30:00-00:00", morning);
	expect_ms("2026-11-21T23:00:00-03:30", morning);
	expect_ms("2026-11-22T02:30:00.5Z", morning + 500);
	expect_ms("2026-11-22T02:30:00.05Z", morning + 50);
	expect_ms("2026-11-22T02:30:00.123456789Z", morning + 123);
	expect_ms("2026-11-22T02:30:00.9999Z", morning + 999);
	expect_ms("1970-01-01T00:00:00Z", 0);
	expect_ms("1969-12-31T23:59:59.999Z", -1);
	/* A leap second is the second after it. */
	expect_ms("2016-12-31T23:59:60Z", 1483228800000);
	expect_ms("2000-02-29T00:00:00Z", 951782400000);
	expect_ms("2024-02-29T00:00:00Z", 1709164800000);
}

static void refuses_what_is_no_time(void **state)
{
	(void)state;
	static const char *const others[] = { "", "now", "2026-11-22",
		"2026-11-22T02:30:00",    /* no zone: anybody's guess */
		"2026-11-22T02:30:00.5",  /* the same */
		"2026-11-22T02:30:00+07", /* half a zone */
		"2026-11-22T02:30:00+0700", "2026-11-22T02:30:00+07:0",
		"2026-11-22T02:30:00+24:00", "2026-11-22T02:30:00+07:60",
		"2026-11-22T02:30:00 +07:00", "2026-11-22T02:30:00ZZ",
		"2026-11-22T02:30:00Z ", " 2026-11-22T02:30:00Z", "2026-11-22T02:30Z",
		"2026-11-22T02:30:00.Z", "2026-11-22T02:30:00,5Z", "2026-11-22X02:30:00Z",
		"2026-00-22T02:30:00Z", "2026-13-22T02:30:00Z", "2026-11-00T02:30:00Z",
		"2026-11-31T02:30:00Z", "2026-02-29T02:30:00Z", "1900-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z", "2000-02-30T00:00:00Z", "2026-11-22T24:00:00Z",
		"2026-11-22T02:60:00Z", "2026-11-22T02:30:61Z", "26-11-22T02:30:00Z",
		"+2026-11-22T02:30:00Z", "2026-1-22T02:30:00Z", "2026-11-2T02:30:00Z",
		"20261122T023000Z", "1795314600000", "2026-11-22T-2:30:00Z" };
	int64_t ms = 12345;

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (clock_parse(others[i], &ms))
			fail_msg("\"%s\" is taken as %lld", others[i], (long long)ms);
	assert_int_equal(ms, 12345);
}

static void every_time_reads_back(void **state)
{
	(void)state;
	struct chance chance = chance_begin();
	char text[CLOCK_TEXT_SIZE];

	for (int i = 0; i < 100000; i++) {
		/* Years 1 to 9998, so that no offset leads out of 0000 … 9999. */
		int64_t ms = chance_between(&chance, -62135596800000, 253370764799999);
		int offset = (int)chance_between(&chance, -23 * 60 - 59, 23 * 60 + 59);

		if (i % 3 == 0)
			ms -= ms % 1000;
		expect_ms(clock_format(text, ms, offset), ms);
	}
}

static void agrees_with_the_library_on_dates(void **state)
{
	(void)state;
	char text[CLOCK_TEXT_SIZE], wanted[CLOCK_TEXT_SIZE];

	/* Every day from 1899 to 2101, at another time of day each. */
	for (int64_t day = -25932; day < 48212; day++) {
		time_t seconds = day * 86400 + (day * 7919 % 86400 + 86400) % 86400;
		struct tm tm;

		gmtime_r(&seconds, &tm);
		strftime(wanted, sizeof wanted, "%Y-%m-%dT%H:%M:%S+00:00", &tm);
		assert_string_equal(
			clock_format(text, (int64_t)seconds * 1000, 0), wanted);
		expect_ms(wanted, (int64_t)seconds * 1000);
	}
}

/* Before any other clock is held: there is no way back. */
static void the_real_clock(void **state)
{
	(void)state;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	int64_t wall = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	assert_in_range(clock_wall_ms() - wall, 0, 2000);
	assert_true(clock_is_plausible(1767225600000));
	assert_false(clock_is_plausible(1767225599999));
	assert_false(clock_is_plausible(0));
	assert_true(clock_is_set() == clock_is_plausible(wall));
	assert_true(strcmp(clock_source(), "kernel") == 0 ||
		strcmp(clock_source(), clock_is_set() ? "plausible" : "unset") == 0);
	assert_int_equal(clock_to_real_ms(1234), 1234);

	int64_t before = clock_mono_ms();
	usleep(15000);
	assert_in_range(clock_mono_ms() - before, 14, 5000);
	assert_int_equal(strlen(clock_boot_id()), 36);
}

static void deadlines_are_ahead(void **state)
{
	(void)state;
	struct timespec now, at;

	for (int64_t ms = 0; ms <= 5999; ms += 857) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		at = clock_deadline(ms);
		assert_in_range(at.tv_nsec, 0, 999999999);
		int64_t ahead =
			(at.tv_sec - now.tv_sec) * 1000000000 + at.tv_nsec - now.tv_nsec;
		assert_in_range(ahead, ms * 1000000, ms * 1000000 + 2000000000);
	}
}

static void a_frozen_clock_stands_still(void **state)
{
	(void)state;
	clock_freeze(morning, 5000);
	int64_t real = clock_real_ms();
	usleep(15000);
	assert_int_equal(clock_wall_ms(), morning);
	assert_int_equal(clock_mono_ms(), 5000);
	assert_true(clock_real_ms() >= real + 14);
	assert_string_equal(clock_source(), "simulated");
	assert_true(clock_is_set());
	assert_int_equal(clock_to_real_ms(1234), 1234);

	clock_freeze(0, 5001); /* a box without a clock battery */
	assert_int_equal(clock_wall_ms(), 0);
	assert_false(clock_is_set());
	/* Simulations may play the past, from 2000 on. */
	assert_true(clock_is_plausible(946684800000));
	assert_false(clock_is_plausible(946684799999));
}

/* As a machine without a battery has it. */
static void belief(void **state)
{
	(void)state;
	int64_t wall, mono, now = INT64_C(1795314600000);

	clock_pretend(false, "boot-1");
	assert_string_equal(clock_boot_id(), "boot-1");
	clock_freeze(10000, 7000);
	assert_int_equal(clock_state(), CLOCK_UNSET);
	assert_false(clock_is_set());
	assert_false(clock_stamp(&wall, &mono));
	assert_int_equal(wall, 10000);
	assert_int_equal(mono, 7000);
	/* It knows nothing of the future, but what nobody can have. */
	assert_true(clock_is_possible(now + INT64_C(1000) * 86400000));
	assert_false(clock_is_possible(INT64_C(2208988800001)));
	clock_know(now);
	assert_true(clock_is_possible(now + INT64_C(366) * 86400000));
	assert_false(clock_is_possible(now + INT64_C(366) * 86400000 + 1));

	clock_freeze(now, 8000);
	assert_string_equal(clock_source(), "plausible");
	assert_true(clock_stamp(&wall, &mono));
	assert_true(clock_is_possible(now + CLOCK_AHEAD_MS));
	assert_false(clock_is_possible(now + CLOCK_AHEAD_MS + 1));
	assert_true(clock_is_possible(INT64_C(1577836800000)));
	assert_false(clock_is_possible(INT64_C(1577836799999)));

	clock_doubt(true);
	assert_string_equal(clock_source(), "doubted");
	assert_false(clock_is_set());
	assert_false(clock_stamp(&wall, &mono));
	assert_true(clock_is_possible(now + CLOCK_AHEAD_MS + 1)); /* it does not know */
	clock_doubt(false);
	clock_pretend(true, "boot-1");
	assert_int_equal(clock_state(), CLOCK_SYNCHRONISED);
	assert_string_equal(clock_source(), "kernel");

	clock_freeze_plainly();
	clock_doubt(true); /* what is played is believed */
	assert_true(clock_is_set());
	assert_string_equal(clock_source(), "simulated");
	assert_int_equal(strlen(clock_boot_id()), 36);
	clock_doubt(false);
}

static void times_after_a_step(void **state)
{
	(void)state;
	struct clock_step step = { .since_ms = 1000, .by_ms = -50 };

	assert_int_equal(clock_after_step(&step, 0), 0);
	assert_int_equal(clock_after_step(&step, 1000), 1000);
	assert_int_equal(clock_after_step(&step, 1060), 1010);
}

static void a_simulated_clock_runs_fast(void **state)
{
	(void)state;
	clock_simulate(morning, 1000);
	int64_t wall = clock_wall_ms(), mono = clock_mono_ms(), real = clock_real_ms();
	assert_in_range(wall, morning, morning + 1000 * 1000);
	usleep(20000);
	int64_t wall_took = clock_wall_ms() - wall, mono_took = clock_mono_ms() - mono;
	int64_t real_took = clock_real_ms() - real + 2;
	assert_in_range(wall_took, 19 * 1000, real_took * 1000);
	assert_in_range(mono_took, 19 * 1000, real_took * 1000);
	assert_string_equal(clock_source(), "simulated");
	assert_int_equal(clock_to_real_ms(60000), 60);
	assert_int_equal(clock_to_real_ms(1), 1); /* never nothing for something */
	assert_int_equal(clock_to_real_ms(0), 0);

	clock_simulate(0, 1); /* from now on, at its own pace */
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	assert_in_range(clock_wall_ms() + 2000 - (int64_t)now.tv_sec * 1000, 0, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_real_clock),
		cmocka_unit_test(deadlines_are_ahead),
		cmocka_unit_test(writes_times),
		cmocka_unit_test(the_farthest_times_stay_short),
		cmocka_unit_test(reads_times),
		cmocka_unit_test(refuses_what_is_no_time),
		cmocka_unit_test(every_time_reads_back),
		cmocka_unit_test(agrees_with_the_library_on_dates),
		cmocka_unit_test(a_frozen_clock_stands_still),
		cmocka_unit_test(belief),
		cmocka_unit_test(times_after_a_step),
		cmocka_unit_test(a_simulated_clock_runs_fast),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
