/* The life of devices that are set up, asked and put to sleep, turn by turn. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "sensors/routine.h"

/* A device of one-byte commands. */
enum { WAKE = 'W', SLEEP = 'Z', MODE = 'M', PERIOD = 'P', ASK = '?', CHECK = '!' };

static struct routine_session session;
static struct sensor_turn turn;

static void put(struct routine_command *command, uint8_t byte, bool is_answered)
{
	routine_command_set(command, &byte, 1, is_answered);
}

/* The next turn sends this; 0: nothing. */
static int next(const struct routine *routine, enum sensor_result last)
{
	uint8_t request[SENSOR_REQUEST_MAX] = { 0 };

	turn = routine_turn(routine, &session, last, request);
	assert_true(turn.length <= 1);
	return turn.length == 0 ? 0 : request[0];
}

static int open_port(const struct routine *routine)
{
	memset(&session, 0, sizeof(session));
	return next(routine, SENSOR_PORT_ERROR);
}

static void test_asked_device(void **state)
{
	struct routine routine = {
		.setup_count = 2, .answer_ms = 500, .every_ms = 10000, .check_every = 4
	};

	(void)state;
	put(&routine.setup[0], MODE, true);
	put(&routine.setup[1], PERIOD, false);
	put(&routine.ask, ASK, true);
	put(&routine.check, CHECK, true);
	assert_int_equal(open_port(&routine), MODE);
	assert_true(turn.wait_ms > 0);
	assert_int_equal(turn.warmup_ms, 0);
	/* Data in between is no acknowledgement. */
	assert_int_equal(next(&routine, SENSOR_OK), MODE);
	assert_int_equal(next(&routine, SENSOR_IGNORED), PERIOD);
	assert_int_equal(turn.wait_ms, 0);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(next(&routine, SENSOR_TIMEOUT), ASK);
		assert_int_equal(turn.wait_ms, 500);
		assert_int_equal(turn.pause_ms, 10000);
		assert_int_equal(next(&routine, SENSOR_OK), ASK);
		assert_int_equal(next(&routine, SENSOR_WARMING_UP), ASK);
		assert_int_equal(next(&routine, SENSOR_IGNORED), CHECK);
	}
	/* Three misses in a row: set up again. Two are forgiven. */
	assert_int_equal(next(&routine, SENSOR_DEVICE_ERROR), ASK);
	assert_int_equal(next(&routine, SENSOR_TIMEOUT), ASK);
	assert_int_equal(next(&routine, SENSOR_OK), ASK);
	assert_int_equal(next(&routine, SENSOR_TIMEOUT), CHECK);
	assert_int_equal(next(&routine, SENSOR_BAD_CHECKSUM), ASK);
	assert_int_equal(next(&routine, SENSOR_TIMEOUT), MODE);
}

static void test_set_up_gives_up_and_goes_on(void **state)
{
	struct routine routine = { .setup_count = 2, .every_ms = 1000 };

	(void)state;
	put(&routine.setup[0], MODE, true);
	put(&routine.setup[1], PERIOD, true);
	put(&routine.ask, ASK, true);
	assert_int_equal(open_port(&routine), MODE);
	assert_int_equal(next(&routine, SENSOR_TIMEOUT), MODE);
	assert_int_equal(next(&routine, SENSOR_TIMEOUT), MODE);
	assert_int_equal(next(&routine, SENSOR_TIMEOUT), PERIOD);
	assert_int_equal(next(&routine, SENSOR_DEVICE_ERROR), PERIOD);
	assert_int_equal(next(&routine, SENSOR_IGNORED), ASK);
}

static void test_talking_device(void **state)
{
	struct routine routine = { .answer_ms = 9000, .opening_ms = 180000 };

	(void)state;
	assert_int_equal(open_port(&routine), 0);
	assert_int_equal(turn.warmup_ms, 180000);
	assert_int_equal(turn.wait_ms, 9000);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(next(&routine, i % 2 ? SENSOR_OK : SENSOR_TIMEOUT), 0);
		assert_int_equal(turn.wait_ms, 9000);
		assert_int_equal(turn.pause_ms, 0);
		assert_int_equal(turn.warmup_ms, 0);
	}
}

static void test_silent_device_is_woken(void **state)
{
	struct routine routine = { .setup_count = 1, .warmup_ms = 30000 };

	(void)state;
	put(&routine.setup[0], MODE, false);
	put(&routine.wake, WAKE, false);
	assert_int_equal(open_port(&routine), MODE);
	assert_int_equal(turn.warmup_ms, 0);
	assert_int_equal(next(&routine, SENSOR_OK), 0);
	assert_int_equal(next(&routine, SENSOR_TIMEOUT), 0);
	assert_int_equal(next(&routine, SENSOR_TIMEOUT), 0);
	assert_int_equal(next(&routine, SENSOR_TIMEOUT), WAKE);
	assert_int_equal(turn.warmup_ms, 30000);
	assert_int_equal(next(&routine, SENSOR_TIMEOUT), MODE);
	assert_int_equal(next(&routine, SENSOR_TIMEOUT), 0);
}

static struct routine cycle(void)
{
	struct routine routine = {
		.setup_count = 1,
		.duty_ms = 600000,
		.warmup_ms = 30000,
		.every_ms = 10000,
	};

	put(&routine.setup[0], MODE, true);
	put(&routine.ask, ASK, true);
	put(&routine.wake, WAKE, true);
	put(&routine.sleep, SLEEP, true);
	return routine;
}

static void test_duty_cycle(void **state)
{
	struct routine routine = cycle();
	int64_t awake_ms = 0;

	(void)state;
	assert_int_equal(open_port(&routine), WAKE);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(turn.warmup_ms, 30000);
		assert_int_equal(turn.wait_ms, 0);
		awake_ms = turn.pause_ms;
		/* garbage, as devices say it when they wake */
		assert_int_equal(next(&routine, SENSOR_BAD_SYNC), MODE);
		assert_int_equal(next(&routine, SENSOR_TIMEOUT), MODE);
		assert_int_equal(next(&routine, SENSOR_IGNORED), 0);
		awake_ms += turn.pause_ms;
		assert_true(awake_ms >= 30000);
		assert_int_equal(next(&routine, SENSOR_WARMING_UP), ASK);
		assert_int_equal(next(&routine, SENSOR_OK), SLEEP);
		assert_int_equal(next(&routine, SENSOR_IGNORED), 0);
		assert_int_equal(turn.wait_ms, 0);
		assert_true(turn.pause_ms > 500000 && turn.pause_ms < 570000);
		assert_int_equal(next(&routine, SENSOR_TIMEOUT), WAKE);
	}
}

static void test_duty_cycle_that_fails(void **state)
{
	struct routine routine = cycle();
	int asked = 0;

	(void)state;
	assert_int_equal(open_port(&routine), WAKE);
	assert_int_equal(next(&routine, SENSOR_TIMEOUT), MODE);
	assert_int_equal(next(&routine, SENSOR_IGNORED), 0);
	/* No value: some attempts, then it may sleep all the same. */
	while (next(&routine, SENSOR_TIMEOUT) == ASK)
		asked++;
	assert_int_equal(asked, 10);
	/* It goes on talking: it did not hear, thrice; then it is left alone. */
	assert_int_equal(next(&routine, SENSOR_OK), SLEEP);
	assert_int_equal(next(&routine, SENSOR_WARMING_UP), SLEEP);
	assert_int_equal(next(&routine, SENSOR_OK), 0);
	assert_true(turn.pause_ms > 500000);
	/* Too short a duty still leaves a pause. */
	routine.duty_ms = 1;
	assert_int_equal(next(&routine, SENSOR_OK), WAKE);
	assert_int_equal(next(&routine, SENSOR_IGNORED), MODE);
	assert_int_equal(next(&routine, SENSOR_IGNORED), 0);
	assert_int_equal(next(&routine, SENSOR_OK), ASK);
	assert_int_equal(next(&routine, SENSOR_OK), SLEEP);
	assert_int_equal(next(&routine, SENSOR_TIMEOUT), 0);
	assert_true(turn.pause_ms >= 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked_device),
		cmocka_unit_test(test_set_up_gives_up_and_goes_on),
		cmocka_unit_test(test_talking_device),
		cmocka_unit_test(test_silent_device_is_woken),
		cmocka_unit_test(test_duty_cycle),
		cmocka_unit_test(test_duty_cycle_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
