/*
 * The thread of all Modbus devices on one line: the only one that opens it, asks
 * them by turns (modbus_schedule.h), decodes, and hands over.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/thread.h"
#include "sensors/modbus.h"
#include "sensors/modbus_line.h"
#include "sensors/modbus_schedule.h"

enum {
	WHY_SIZE = 300,
	SETTLE_MS = 50, /* more than a device usually takes */
	USUAL_MEMORY = 16,
};

/* One device on the bus. */
struct slot {
	struct sensor *sensor;
	const struct modbus_options *options;
	int64_t usual_ms; /* an answer lately took, at most; 0: none came yet */
	bool clears;      /* there is something that reading clears */
	bool has_lost;    /* an answer with it, since the last good one */
	size_t block_count;
	struct modbus_block blocks[READINGS_MAX];
};

struct modbus_bus {
	struct modbus_line line;
	struct serial_backoff backoff;
	int wake_fd;
	const struct slot *silent; /* whose request was the last one, and got no answer */
	pthread_t thread;
	/* The exchanges of the turn under way, one behind the other. */
	size_t exchange_count;
	size_t used;
	size_t lengths[READINGS_MAX];
	uint8_t exchanges[MODBUS_EXCHANGE_MAX * READINGS_MAX];
	struct schedule_slot *schedule; /* of count */
	size_t count;
	struct slot slots[];
};

static struct schedule_slot *schedule_of(struct modbus_bus *bus, const struct slot *slot)
{
	return &bus->schedule[slot - bus->slots];
}

/* --- one request --------------------------------------------------------- */

static enum sensor_result ask(struct modbus_bus *bus, struct slot *slot,
	const struct modbus_block *block, int64_t timeout_ms)
{
	size_t length = 0;
	int64_t began_ms = clock_real_ms();
	enum sensor_result result = modbus_line_ask(&bus->line, slot->options->unit_id,
		block, timeout_ms, bus->exchanges + bus->used, &length);
	int64_t took_ms = clock_real_ms() - began_ms;

	atomic_fetch_add(&slot->sensor->stats.skipped_bytes, bus->line.skipped);
	bus->line.skipped = 0;
	bus->silent = result == SENSOR_TIMEOUT ? slot : NULL;
	if (result != SENSOR_OK)
		return result;
	bus->used += length;
	bus->lengths[bus->exchange_count++] = length;
	slot->usual_ms -= slot->usual_ms / USUAL_MEMORY;
	if (took_ms > slot->usual_ms)
		slot->usual_ms = took_ms;
	return result;
}

/*
 * How long to wait before asking once more; TIMEOUT_MS: ask only once. Many slaves take
 * what others say on the line for the beginning of their own request, and miss the one
 * that follows. One whose way is known need not be waited for in vain.
 */
static int64_t first_timeout(const struct slot *slot, int64_t timeout_ms)
{
	int64_t enough_ms = 3 * slot->usual_ms + 2 * SETTLE_MS;

	/* The late answer to the first request must not be taken for another block's. */
	if (slot->block_count > 1 || slot->usual_ms == 0 || enough_ms > timeout_ms)
		return timeout_ms;
	return enough_ms;
}

static enum sensor_result ask_block(struct modbus_bus *bus, struct slot *slot,
	const struct modbus_block *block, int64_t timeout_ms)
{
	bool may_be_missed = bus->silent != NULL && bus->silent != slot;
	int64_t first_ms = first_timeout(slot, timeout_ms);
	enum sensor_result result;

	/* What reading clears would be lost by asking again. */
	if (modbus_clears(slot->options, block))
		return ask(bus, slot, block, timeout_ms);
	result = ask(bus, slot, block, first_ms);
	if (result != SENSOR_TIMEOUT || bus->line.stopping ||
		(first_ms == timeout_ms && !may_be_missed))
		return result;
	result = ask(bus, slot, block, timeout_ms);
	/* If it was only slow, its second answer is yet to come. */
	if (result == SENSOR_OK && slot->block_count > 1 &&
		!modbus_line_idle(
			&bus->line, clock_real_ms() + slot->usual_ms + SETTLE_MS))
		return SENSOR_PORT_ERROR;
	return result;
}

/* --- one device ----------------------------------------------------------- */

/* After which the device may still owe an answer, or nobody knows to what it answers. */
static bool ends_turn(enum sensor_result result)
{
	return result != SENSOR_OK && result != SENSOR_DEVICE_ERROR &&
		result != SENSOR_BAD_CHECKSUM;
}

/*
 * Fetches the blocks of SLOT and notes what fails, except the loss of the line. What
 * failed last, or SENSOR_OK; ANSWERED: the device said something of its own.
 */
static enum sensor_result fetch(struct modbus_bus *bus, struct slot *slot, bool *answered)
{
	int64_t timeout_ms = schedule_timeout(schedule_of(bus, slot), bus->count);
	enum sensor_result failed = SENSOR_OK;

	*answered = false;
	bus->used = 0;
	bus->exchange_count = 0;
	for (size_t i = 0; i < slot->block_count; i++) {
		enum sensor_result result =
			ask_block(bus, slot, &slot->blocks[i], timeout_ms);

		if (bus->line.stopping)
			return SENSOR_TIMEOUT;
		/* Who says no has not read it. */
		if (result != SENSOR_OK && result != SENSOR_DEVICE_ERROR)
			slot->has_lost |= modbus_clears(slot->options, &slot->blocks[i]);
		if (result == SENSOR_PORT_ERROR)
			return result;
		*answered = *answered ||
			(result != SENSOR_TIMEOUT && result != SENSOR_BAD_SYNC);
		if (result == SENSOR_OK)
			continue;
		failed = result;
		sensor_note(slot->sensor, result, bus->line.detail);
		if (ends_turn(result))
			break;
	}
	return failed;
}

/* Decodes the exchanges one by one: what is wrong in one does not spoil the others. */
static enum sensor_result decode_parts(
	struct modbus_bus *bus, const struct slot *slot, struct report *report)
{
	enum sensor_result failed = SENSOR_OK;
	size_t at = 0;

	report_init(report);
	for (size_t i = 0; i < bus->exchange_count; at += bus->lengths[i++]) {
		struct report part;
		enum sensor_result result;

		report_init(&part);
		result = slot->sensor->driver->decode(
			slot->options, bus->exchanges + at, bus->lengths[i], &part);
		if (result != SENSOR_OK)
			failed = result;
		for (size_t r = 0; result == SENSOR_OK && r < part.count; r++)
			if (report_find(report, part.readings[r].metric) == NULL)
				report_add(report, part.readings[r].metric,
					part.readings[r].value);
	}
	return failed;
}

/*
 * What reading clears went with the answer that was lost. The next increment says so: not
 * all that fell before it is known.
 */
static void mark_loss(struct slot *slot, enum sensor_result result, struct report *report)
{
	bool has_rain = report_find(report, METRIC_RAIN) != NULL;

	if (slot->has_lost && has_rain)
		report->marks |= REPORT_AFTER_LOSS;
	slot->has_lost =
		slot->clears && !has_rain && (slot->has_lost || result != SENSOR_OK);
}

/* Hands over what was fetched, complete or not. */
static void hand_over(struct modbus_bus *bus, struct slot *slot, bool complete)
{
	struct report report;
	enum sensor_result result;

	report_init(&report);
	result = slot->sensor->driver->decode(
		slot->options, bus->exchanges, bus->used, &report);
	if (result == SENSOR_OK && complete) {
		mark_loss(slot, result, &report);
		sensor_deliver(slot->sensor, &report);
		return;
	}
	if (result != SENSOR_OK)
		result = decode_parts(bus, slot, &report);
	mark_loss(slot, result, &report);
	if (report.count > 0)
		sensor_deliver_part(slot->sensor, &report);
	if (result != SENSOR_OK)
		sensor_note(slot->sensor, result, NULL);
}

/* False when the line is lost. */
static bool take_turn(struct modbus_bus *bus, struct slot *slot)
{
	struct schedule_slot *schedule = schedule_of(bus, slot);
	int64_t began_ms = clock_real_ms();
	bool answered;
	enum sensor_result failed = fetch(bus, slot, &answered);

	if (bus->line.stopping)
		return true;
	if (bus->used > 0) {
		bus->backoff.failures = 0;
		hand_over(bus, slot, failed == SENSOR_OK);
	}
	schedule->period_ms = clock_to_real_ms(slot->options->every);
	if (schedule->period_ms < 1)
		schedule->period_ms = 1;
	schedule_done(schedule, bus->count, began_ms, clock_real_ms(), answered);
	return failed != SENSOR_PORT_ERROR;
}

/* --- the line --------------------------------------------------------------- */

static void note_all(struct modbus_bus *bus, const char *why)
{
	for (size_t i = 0; i < bus->count; i++)
		sensor_note(bus->slots[i].sensor, SENSOR_PORT_ERROR, why);
}

static void close_line(struct modbus_bus *bus)
{
	modbus_line_close(&bus->line);
	for (size_t i = 0; i < bus->count; i++)
		atomic_store(&bus->slots[i].sensor->stats.connected, false);
}

/* Waits before trying again. False when told to stop. */
static bool back_off(struct modbus_bus *bus)
{
	if (bus->line.stopping)
		return false;
	return serial_wait(-1, bus->wake_fd, serial_backoff_ms(&bus->backoff)) !=
		SERIAL_WOKEN;
}

/* False when told to stop. */
static bool wait_and_open(struct modbus_bus *bus)
{
	int64_t now_ms;
	char why[WHY_SIZE];

	while (modbus_line_open(&bus->line, why, sizeof(why)) != 0) {
		if (!bus->line.stopping)
			note_all(bus, why);
		if (!back_off(bus))
			return false;
	}
	now_ms = clock_real_ms();
	for (size_t i = 0; i < bus->count; i++) {
		const struct modbus_options *options = bus->slots[i].options;
		int64_t period_ms = clock_to_real_ms(options->every);

		atomic_store(&bus->slots[i].sensor->stats.connected, true);
		schedule_init(&bus->schedule[i], period_ms > 0 ? period_ms : 1,
			options->timeout, now_ms);
	}
	bus->silent = NULL;
	return true;
}

/* Asks the devices by turns until the line is lost or we are told to stop. */
static void ask_by_turns(struct modbus_bus *bus)
{
	bool is_there = true;

	while (is_there && !bus->line.stopping) {
		int64_t when_ms;
		size_t next = schedule_next(
			bus->schedule, bus->count, clock_real_ms(), &when_ms);

		is_there = next < bus->count ? take_turn(bus, &bus->slots[next])
					     : modbus_line_idle(&bus->line, when_ms);
	}
}

static void *bus_run(void *arg)
{
	struct modbus_bus *bus = arg;
	char why[WHY_SIZE];

	while (wait_and_open(bus)) {
		ask_by_turns(bus);
		/* Closed first: a kernel gives the device a new name while it is held. */
		close_line(bus);
		if (bus->line.stopping)
			break;
		modbus_line_say_gone(&bus->line, why, sizeof(why));
		note_all(bus, why);
		if (!back_off(bus))
			break;
	}
	close_line(bus);
	return NULL;
}

/* --- start and stop ----------------------------------------------------------- */

static void set_up(struct modbus_bus *bus, struct sensor *const *sensors)
{
	const struct modbus_options *first = sensors[0]->item->options;
	int64_t silence_ms = modbus_line_silence_ms(first);

	for (size_t i = 0; i < bus->count; i++) {
		struct slot *slot = &bus->slots[i];

		slot->sensor = sensors[i];
		slot->options = sensors[i]->item->options;
		slot->block_count = modbus_plan(slot->options, slot->blocks);
		for (size_t b = 0; b < slot->block_count; b++)
			slot->clears |= modbus_clears(slot->options, &slot->blocks[b]);
		/* An answer to whoever asked before us may have been lost. */
		slot->has_lost = slot->clears;
		if (silence_ms < slot->options->pause)
			silence_ms = slot->options->pause;
	}
	modbus_line_init(&bus->line, first, silence_ms, bus->wake_fd);
}

struct modbus_bus *modbus_bus_start(struct sensor *const *sensors, size_t count)
{
	struct modbus_bus *bus = calloc(1, sizeof(*bus) + count * sizeof(struct slot));
	char name[16];

	if (bus == NULL)
		return NULL;
	bus->count = count;
	bus->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	bus->schedule = calloc(count, sizeof(*bus->schedule));
	if (bus->wake_fd < 0 || bus->schedule == NULL)
		goto failed;
	set_up(bus, sensors);
	snprintf(name, sizeof(name), "m:%.12s", sensors[0]->name);
	if (thread_start(&bus->thread, name, bus_run, bus) != 0)
		goto failed;
	return bus;
failed:
	log_error("sensor %s: cannot start: %s", sensors[0]->name, strerror(errno));
	if (bus->wake_fd >= 0)
		close(bus->wake_fd);
	free(bus->schedule);
	free(bus);
	return NULL;
}

void modbus_bus_stop(struct modbus_bus *bus)
{
	if (bus == NULL)
		return;
	eventfd_write(bus->wake_fd, 1);
	pthread_join(bus->thread, NULL);
	close(bus->wake_fd);
	free(bus->schedule);
	free(bus);
}
