/*
 * Who is asked when: a bus of devices that take their time, played without a clock.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "sensors/modbus_schedule.h"

enum { DEVICES_MAX = 32 };

/* One device on the played bus. */
struct device {
	int64_t takes_ms; /* 0: silent */
	int64_t period_ms;
	int64_t timeout_ms; /* 0: 1000 */
	int64_t silent_until_ms;
	/* what came of it */
	int turns, answers;
	int64_t last_ms, longest_ms; /* between two turns, after the first minute */
	int on_time;
};

static struct device devices[DEVICES_MAX];
static struct schedule_slot slots[DEVICES_MAX];
static size_t count;

static int reset(void **state)
{
	(void)state;
	memset(devices, 0, sizeof(devices));
	count = 0;
	return 0;
}

static struct device *add(int64_t period_ms, int64_t takes_ms)
{
	struct device *device = &devices[count++];

	device->period_ms = period_ms;
	device->takes_ms = takes_ms;
	device->timeout_ms = 1000;
	return device;
}

static void take_turn(size_t index, int64_t *now_ms, int64_t settled_ms)
{
	struct device *device = &devices[index];
	int64_t timeout_ms = schedule_timeout(&slots[index], count);
	bool answers = device->takes_ms > 0 && device->takes_ms <= timeout_ms &&
		*now_ms >= device->silent_until_ms;
	int64_t began_ms = *now_ms;

	*now_ms += answers ? device->takes_ms : timeout_ms;
	schedule_done(&slots[index], count, began_ms, *now_ms, answers);
	device->answers += answers;
	if (began_ms >= settled_ms) {
		int64_t since_ms = began_ms - device->last_ms;

		device->turns++;
		if (since_ms > device->longest_ms)
			device->longest_ms = since_ms;
		device->on_time += since_ms <= device->period_ms * 5 / 4;
	}
	device->last_ms = began_ms;
}

/* Plays the bus for UNTIL_MS, and looks at it from SETTLED_MS on. */
static void play(int64_t settled_ms, int64_t until_ms)
{
	int64_t now_ms = 0, when_ms;

	for (size_t i = 0; i < count; i++)
		schedule_init(
			&slots[i], devices[i].period_ms, devices[i].timeout_ms, now_ms);
	while (now_ms < until_ms) {
		size_t next = schedule_next(slots, count, now_ms, &when_ms);

		assert_true(next <= count);
		if (next < count) {
			take_turn(next, &now_ms, settled_ms);
			continue;
		}
		assert_true(when_ms > now_ms); /* or it would spin */
		now_ms = when_ms;
	}
}

static void test_alone_keeps_time(void **state)
{
	struct device *device = add(1000, 30);

	(void)state;
	play(0, 100 * 1000);
	assert_int_equal(device->turns, 100);
	assert_true(device->longest_ms == 1000);
}

static void test_earliest_first(void **state)
{
	int64_t when_ms;

	(void)state;
	count = 3;
	schedule_init(&slots[0], 1000, 1000, 300);
	schedule_init(&slots[1], 1000, 1000, 100);
	schedule_init(&slots[2], 1000, 1000, 200);
	assert_int_equal(schedule_next(slots, count, 50, &when_ms), count);
	assert_int_equal(when_ms, 100);
	assert_int_equal(schedule_next(slots, count, 100, &when_ms), 1);
	assert_int_equal(schedule_next(slots, count, 500, &when_ms), 1);
	schedule_done(&slots[1], count, 500, 520, true);
	assert_int_equal(schedule_next(slots, count, 520, &when_ms), 2);
	schedule_done(&slots[2], count, 520, 540, true);
	assert_int_equal(schedule_next(slots, count, 540, &when_ms), 0);
	schedule_done(&slots[0], count, 540, 560, true);
	assert_int_equal(schedule_next(slots, count, 560, &when_ms), count);
	assert_int_equal(when_ms, 1500); /* late ones keep their new phase */
}

static void test_slow_one_finds_its_gap(void **state)
{
	struct device *slow = add(1000, 800);

	(void)state;
	for (int i = 0; i < 6; i++)
		add(1000, 25);
	play(10 * 1000, 110 * 1000);
	for (size_t i = 1; i < count; i++) {
		assert_in_range(devices[i].turns, 99, 101);
		assert_int_equal(devices[i].on_time, devices[i].turns);
	}
	assert_in_range(slow->turns, 95, 101);
}

/* What does not fit is shared out: nobody starves, and the cheap ones suffer least. */
static void test_too_much_for_the_bus(void **state)
{
	struct device *slow = add(1000, 900), *slower = add(1000, 950);

	(void)state;
	for (int i = 0; i < 8; i++)
		add(1000, 40);
	play(10 * 1000, 210 * 1000);
	for (size_t i = 2; i < count; i++) {
		assert_true(devices[i].turns >= 150);
		assert_true(devices[i].longest_ms <= 1500);
	}
	assert_true(slow->turns >= 60);
	assert_true(slower->turns >= 60);
	assert_true(slow->longest_ms <= 6000);
	assert_true(slower->longest_ms <= 6000);
}

static void test_silent_one_is_asked_ever_more_rarely(void **state)
{
	struct device *silent = add(1000, 0);

	(void)state;
	for (int i = 0; i < 5; i++)
		add(1000, 25);
	play(20 * 1000, 320 * 1000);
	assert_in_range(silent->turns, 4, 8);
	assert_true(silent->longest_ms <= SCHEDULE_PROBE_MAX_MS + 3000);
	for (size_t i = 1; i < count; i++) {
		assert_true(devices[i].turns >= 295);
		assert_true(devices[i].on_time * 100 >= devices[i].turns * 97);
	}
}

static void test_alone_there_is_no_quarantine(void **state)
{
	struct device *silent = add(10 * 1000, 0);

	(void)state;
	play(0, 600 * 1000);
	assert_int_equal(silent->turns, 60);
	reset(NULL);
	silent = add(100, 0); /* not sooner than its answer may still come */
	play(0, 60 * 1000);
	assert_in_range(silent->turns, 29, 31);
}

static void test_silent_one_comes_back(void **state)
{
	struct device *device = add(1000, 700);

	(void)state;
	device->silent_until_ms = 60 * 1000;
	add(1000, 25);
	play(240 * 1000, 300 * 1000);
	/* 700 ms is longer than a brief probe: the full one finds it. */
	assert_true(device->answers >= 100);
	assert_in_range(device->turns, 57, 61);
}

static void test_brief_probes(void **state)
{
	struct schedule_slot slot;

	(void)state;
	schedule_init(&slot, 1000, 1000, 0);
	for (int i = 0; i < SCHEDULE_PATIENCE; i++) {
		assert_int_equal(schedule_timeout(&slot, 2), 1000);
		schedule_done(&slot, 2, 0, 1000, false);
	}
	for (int i = 0; i < 8; i++) {
		int64_t timeout_ms = schedule_timeout(&slot, 2);

		assert_int_equal(timeout_ms, i % 4 == 3 ? 1000 : 250);
		assert_int_equal(schedule_timeout(&slot, 1), 1000);
		assert_true(slot.pause_ms >= 20 * timeout_ms);
		schedule_done(&slot, 2, 0, timeout_ms, false);
	}
	schedule_done(&slot, 2, 0, 20, true);
	assert_int_equal(slot.failures, 0);
	assert_int_equal(slot.pause_ms, 0);
	assert_int_equal(schedule_timeout(&slot, 2), 1000);
	slot.timeout_ms = 50;
	slot.failures = SCHEDULE_PATIENCE;
	assert_int_equal(schedule_timeout(&slot, 2), 50);
}

/* The bus of the requirement, and one that is seen from afar. */
static void test_eight_devices(void **state)
{
	(void)state;
	add(1000, 800);
	add(1000, 0);  /* silent */
	add(1000, 0);  /* brings only what others said */
	add(1000, 95); /* damaged answers: it answers, that is all */
	for (int i = 0; i < 4; i++)
		add(1000, 25);
	play(15 * 1000, 315 * 1000);
	for (size_t i = 4; i < count; i++) {
		assert_true(devices[i].turns >= 285);
		assert_true(devices[i].on_time * 100 >= devices[i].turns * 95);
	}
	assert_true(devices[0].turns >= 200);
}

/* Whatever the devices: no one waits for ever, and the bus is never idle for nothing. */
static void test_any_bus(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 200; round++) {
		int64_t load = 0;

		reset(NULL);
		while (count < 2 + seed % 14) {
			struct device *device;

			seed = seed * 1103515245u + 12345u;
			device =
				add(100 + seed / 65536 % 20 * 500, 5 + seed / 4096 % 400);
			load += device->takes_ms;
		}
		play(60 * 1000, 360 * 1000);
		for (size_t i = 0; i < count; i++) {
			int64_t limit_ms = 3 * (devices[i].period_ms + load);

			if (devices[i].turns == 0 ||
				devices[i].longest_ms > limit_ms + 10000)
				fail_msg("round %d: device %zu of %zu: %d turns, %lld ms",
					round, i, count, devices[i].turns,
					(long long)devices[i].longest_ms);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_alone_keeps_time, reset),
		cmocka_unit_test_setup(test_earliest_first, reset),
		cmocka_unit_test_setup(test_slow_one_finds_its_gap, reset),
		cmocka_unit_test_setup(test_too_much_for_the_bus, reset),
		cmocka_unit_test_setup(test_silent_one_is_asked_ever_more_rarely, reset),
		cmocka_unit_test_setup(test_alone_there_is_no_quarantine, reset),
		cmocka_unit_test_setup(test_silent_one_comes_back, reset),
		cmocka_unit_test_setup(test_brief_probes, reset),
		cmocka_unit_test_setup(test_eight_devices, reset),
		cmocka_unit_test_setup(test_any_bus, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
