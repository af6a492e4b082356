/*
 * The thread of a port with SDI-12 sensors behind it: starts a measurement, waits as the
 * sensor says, fetches the data, and hands the whole exchange to the driver. While one
 * sensor measures by C, the others are asked.
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
#include "sensors/sdi12.h"

enum {
	WHY_SIZE = 200,
	DETAIL_SIZE = 64,
	TRIES = 3,             /* as the standard asks for */
	BYTE_TIMEOUT_MS = 300, /* between two bytes of an answer */
	SETTLE_MS = 50,        /* after silence or damage: a late answer is let pass */
	QUARANTINE_AFTER = 3,  /* silent measurements in a row */
	QUARANTINE_MS = 30 * 1000,
	LINES_MAX = 4, /* echoes and noise before an answer */
};

/* One sensor on the bus. */
struct slot {
	struct sensor *sensor;
	const struct sdi12_options *options;
	struct sdi12_measurement measurement;
	int64_t due_ms;    /* real time of the next measurement */
	int64_t next_ms;   /* real time of what is to be done next */
	bool is_measuring; /* by C: its data are to be fetched next */
	unsigned silences;
	size_t expected;
	size_t used;
	char exchange[SDI12_EXCHANGE_MAX];
};

struct sdi12_bus {
	const struct serial_options *port;
	struct serial_backoff backoff;
	int fd; /* the port, -1 while it is closed */
	int wake_fd;
	bool stopping;
	char detail[DETAIL_SIZE]; /* of the latest failure */
	char line[SDI12_RESPONSE_MAX + SDI12_COMMAND_MAX];
	pthread_t thread;
	size_t count;
	struct slot slots[];
};

/* --- one command ---------------------------------------------------------------- */

/* Reads away what nobody asked for. False when the port is lost. */
static bool drain(struct sdi12_bus *bus)
{
	uint8_t bytes[256];
	ssize_t length;

	do
		length = serial_read(bus->fd, bytes, sizeof(bytes));
	while (length > 0);
	return length == 0;
}

/*
 * Reads one line within MS of real time, control characters and eighth bits taken off:
 * of 7E1 read as 8N1, that is the parity. Its text goes to LINE, which lies in the bus;
 * with SENSOR_BAD_LENGTH, what there is of it.
 */
static enum sensor_result read_line(struct sdi12_bus *bus, int64_t ms, struct span *line)
{
	size_t length = 0;
	int64_t until = clock_real_ms() + ms;

	for (;;) {
		int64_t left = until - clock_real_ms();
		ssize_t got;
		uint8_t c;

		switch (serial_wait(bus->fd, bus->wake_fd, left > 0 ? left : 0)) {
		case SERIAL_WOKEN:
			bus->stopping = true;
			return SENSOR_TIMEOUT;
		case SERIAL_GONE:
			return SENSOR_PORT_ERROR;
		case SERIAL_QUIET:
			*line = (struct span){ bus->line, length };
			return length > 0 ? SENSOR_BAD_LENGTH : SENSOR_TIMEOUT;
		case SERIAL_READY:
			break;
		}
		got = serial_read(bus->fd, &c, 1);
		if (got < 0)
			return SENSOR_PORT_ERROR;
		if (got == 0)
			continue;
		c &= 0x7F;
		if (c == '\n' && length > 0) {
			*line = (struct span){ bus->line, length };
			return SENSOR_OK;
		}
		if (c <= ' ')
			continue;
		if (length >= sizeof(bus->line))
			return SENSOR_TOO_LARGE;
		bus->line[length++] = (char)c;
		if (until < clock_real_ms() + BYTE_TIMEOUT_MS)
			until = clock_real_ms() + BYTE_TIMEOUT_MS;
	}
}

/* The part of LINE behind the adapter's echo of COMMAND. */
static struct span skip_echo(struct span line, const char *command)
{
	size_t length = strlen(command);

	for (size_t at = 0; at + length <= line.length; at++)
		if (memcmp(line.at + at, command, length) == 0)
			return (struct span){ line.at + at + length,
				line.length - at - length };
	return line;
}

/* Sends COMMAND and reads the line that ADDRESS answers. */
static enum sensor_result ask_once(struct sdi12_bus *bus, const struct slot *slot,
	const char *command, struct span *response)
{
	/* The command has to leave at 1200 baud, behind a break. */
	int64_t limit = slot->options->ask.timeout + 100;

	if (!drain(bus) || serial_write(bus->fd, command, strlen(command)) != 0)
		return SENSOR_PORT_ERROR;
	for (int lines = 0; lines < LINES_MAX; lines++) {
		enum sensor_result result = read_line(bus, limit, response);

		/* The adapter's echo alone has no end: the sensor said nothing. */
		if (result == SENSOR_BAD_LENGTH &&
			skip_echo(*response, command).length == 0)
			return SENSOR_TIMEOUT;
		if (result != SENSOR_OK)
			return result;
		*response = skip_echo(*response, command);
		if (response->length > 0)
			break;
	}
	snprintf(bus->detail, sizeof(bus->detail), "%s \"%.*s\"", command,
		(int)response->length, response->at);
	if (response->length == 0 || response->at[0] != slot->options->address[0])
		return SENSOR_BAD_SYNC;
	return SENSOR_OK;
}

static void append(struct slot *slot, const char *command, struct span response)
{
	size_t room = sizeof(slot->exchange) - slot->used;
	int length = snprintf(slot->exchange + slot->used, room, "%s%.*s\r\n", command,
		(int)response.length, response.at);

	if (length > 0 && (size_t)length < room)
		slot->used += (size_t)length;
}

/* Asks until CHECK likes the answer, at most TRIES times; then adds both to the exchange.
 */
static enum sensor_result ask(struct sdi12_bus *bus, struct slot *slot,
	const char *command,
	enum sensor_result (*check)(
		struct slot *slot, struct span response, void *context),
	void *context)
{
	enum sensor_result result = SENSOR_TIMEOUT;

	for (int try = 0; try < TRIES; try++) {
		struct span response;

		snprintf(bus->detail, sizeof(bus->detail), "%s", command);
		result = ask_once(bus, slot, command, &response);
		if (result == SENSOR_OK)
			result = check(slot, response, context);
		if (result == SENSOR_OK) {
			append(slot, command, response);
			return SENSOR_OK;
		}
		if (bus->stopping || result == SENSOR_PORT_ERROR)
			break;
		if (serial_wait(-1, bus->wake_fd, SETTLE_MS) == SERIAL_WOKEN) {
			bus->stopping = true;
			break;
		}
	}
	return result;
}

/* --- one measurement ------------------------------------------------------------- */

static enum sensor_result check_start(
	struct slot *slot, struct span response, void *context)
{
	int *seconds = context;

	return sdi12_read_start(response, slot->options->address[0],
		       slot->measurement.is_concurrent, seconds, &slot->expected)
		? SENSOR_OK
		: SENSOR_BAD_SYNC;
}

/* Values, at least one: a sensor that has none ready says its address alone. */
static enum sensor_result check_data(
	struct slot *slot, struct span response, void *context)
{
	double values[SDI12_VALUES_MAX];
	size_t *count = context;
	size_t found = 0;
	enum sensor_result result = sdi12_read_values(response, slot->options->address[0],
		slot->measurement.has_crc, values, &found);

	if (result != SENSOR_OK)
		return result;
	if (found == 0)
		return SENSOR_DEVICE_ERROR;
	*count += found;
	return SENSOR_OK;
}

/* Waits for the service request, or as long as the sensor said. */
static enum sensor_result wait_for_data(
	struct sdi12_bus *bus, const struct slot *slot, int seconds)
{
	int64_t until = clock_real_ms() + (int64_t)seconds * 1000;

	for (;;) {
		int64_t left = until - clock_real_ms();
		struct span line;
		enum sensor_result result;

		if (left <= 0)
			return SENSOR_OK;
		result = read_line(bus, left, &line);
		if (bus->stopping || result == SENSOR_PORT_ERROR)
			return result;
		if (result == SENSOR_OK && line.length == 1 &&
			line.at[0] == slot->options->address[0])
			return SENSOR_OK;
	}
}

static enum sensor_result fetch_data(struct sdi12_bus *bus, struct slot *slot)
{
	size_t count = 0;

	slot->is_measuring = false;
	for (char k = '0'; k < '0' + SDI12_DATA_MAX && count < slot->expected; k++) {
		const char command[] = { slot->options->address[0], 'D', k, '!', '\0' };
		enum sensor_result result;

		result = ask(bus, slot, command, check_data, &count);
		if (result != SENSOR_OK)
			return result;
	}
	return SENSOR_OK;
}

/* Starts the measurement, and finishes it unless it is concurrent. */
static enum sensor_result measure(struct sdi12_bus *bus, struct slot *slot)
{
	char command[SDI12_COMMAND_MAX];
	enum sensor_result result;
	size_t count = 0;
	int seconds = 0;

	slot->used = 0;
	snprintf(command, sizeof(command), "%c%s!", slot->options->address[0],
		slot->options->measurement);
	if (slot->measurement.is_continuous)
		return ask(bus, slot, command, check_data, &count);
	result = ask(bus, slot, command, check_start, &seconds);
	if (result != SENSOR_OK)
		return result;
	if (slot->measurement.is_concurrent && seconds > 0) {
		slot->is_measuring = true;
		slot->next_ms = clock_real_ms() + (int64_t)seconds * 1000;
		return SENSOR_OK;
	}
	result = wait_for_data(bus, slot, seconds);
	return result == SENSOR_OK ? fetch_data(bus, slot) : result;
}

static void plan_next(struct slot *slot)
{
	int64_t now_ms = clock_real_ms();
	int64_t period_ms = clock_to_real_ms(slot->options->ask.every);

	slot->due_ms += period_ms > 0 ? period_ms : 1;
	if (slot->due_ms < now_ms)
		slot->due_ms = now_ms;
	if (slot->silences >= QUARANTINE_AFTER && slot->due_ms < now_ms + QUARANTINE_MS)
		slot->due_ms = now_ms + QUARANTINE_MS;
	slot->next_ms = slot->due_ms;
}

/* Does what is next for SLOT. False when the port is lost. */
static bool serve(struct sdi12_bus *bus, struct slot *slot)
{
	enum sensor_result result =
		slot->is_measuring ? fetch_data(bus, slot) : measure(bus, slot);
	struct report report;

	if (bus->stopping)
		return true;
	if (result == SENSOR_PORT_ERROR)
		return false;
	if (result == SENSOR_OK && slot->is_measuring)
		return true;
	if (result == SENSOR_OK) {
		report_init(&report);
		result = slot->sensor->driver->decode(slot->options,
			(const uint8_t *)slot->exchange, slot->used, &report);
		snprintf(bus->detail, sizeof(bus->detail), "%zu values were promised",
			slot->expected);
	}
	if (result == SENSOR_OK) {
		bus->backoff.failures = 0;
		sensor_deliver(slot->sensor, &report);
	} else {
		sensor_note(slot->sensor, result, bus->detail);
	}
	slot->silences = result == SENSOR_TIMEOUT ? slot->silences + 1 : 0;
	plan_next(slot);
	return true;
}

/* --- the port ---------------------------------------------------------------------- */

static void note_all(struct sdi12_bus *bus, const char *why)
{
	for (size_t i = 0; i < bus->count; i++)
		sensor_note(bus->slots[i].sensor, SENSOR_PORT_ERROR, why);
}

static void set_connected(struct sdi12_bus *bus, bool connected)
{
	for (size_t i = 0; i < bus->count; i++)
		atomic_store(&bus->slots[i].sensor->stats.connected, connected);
}

/* False when told to stop. */
static bool wait_and_open(struct sdi12_bus *bus)
{
	char why[WHY_SIZE];

	for (;;) {
		bus->fd = serial_open(bus->port, why, sizeof(why));
		if (bus->fd >= 0)
			break;
		note_all(bus, why);
		if (serial_wait(-1, bus->wake_fd, serial_backoff_ms(&bus->backoff)) ==
			SERIAL_WOKEN)
			return false;
	}
	set_connected(bus, true);
	for (size_t i = 0; i < bus->count; i++) {
		struct slot *slot = &bus->slots[i];

		slot->due_ms = slot->next_ms = clock_real_ms();
		slot->is_measuring = false;
		slot->silences = 0;
	}
	return true;
}

static struct slot *find_next(struct sdi12_bus *bus)
{
	struct slot *next = &bus->slots[0];

	for (size_t i = 1; i < bus->count; i++)
		if (bus->slots[i].next_ms < next->next_ms)
			next = &bus->slots[i];
	return next;
}

/* Waits until WHEN_MS. False when the port is lost. */
static bool idle_until(struct sdi12_bus *bus, int64_t when_ms)
{
	while (!bus->stopping) {
		int64_t left = when_ms - clock_real_ms();

		if (left <= 0)
			return true;
		switch (serial_wait(bus->fd, bus->wake_fd, left)) {
		case SERIAL_WOKEN:
			bus->stopping = true;
			break;
		case SERIAL_GONE:
			return false;
		case SERIAL_READY:
			if (!drain(bus))
				return false;
			break;
		case SERIAL_QUIET:
			break;
		}
	}
	return true;
}

static void talk_until_lost(struct sdi12_bus *bus)
{
	while (!bus->stopping) {
		struct slot *slot = find_next(bus);

		if (!idle_until(bus, slot->next_ms))
			return;
		if (!bus->stopping && !serve(bus, slot))
			return;
	}
}

static void *bus_run(void *arg)
{
	struct sdi12_bus *bus = arg;
	char why[WHY_SIZE];

	while (!bus->stopping && wait_and_open(bus)) {
		talk_until_lost(bus);
		serial_close(bus->fd);
		bus->fd = -1;
		set_connected(bus, false);
		if (bus->stopping)
			break;
		serial_say_gone(bus->port, why, sizeof(why));
		note_all(bus, why);
		if (serial_wait(-1, bus->wake_fd, serial_backoff_ms(&bus->backoff)) ==
			SERIAL_WOKEN)
			break;
	}
	return NULL;
}

struct sdi12_bus *sdi12_bus_start(struct sensor *const *sensors, size_t count)
{
	struct sdi12_bus *bus = calloc(1, sizeof(*bus) + count * sizeof(struct slot));
	char name[16];

	if (bus == NULL)
		return NULL;
	bus->fd = -1;
	bus->count = count;
	for (size_t i = 0; i < count; i++) {
		struct slot *slot = &bus->slots[i];
		const char *measurement;

		slot->sensor = sensors[i];
		slot->options = sensors[i]->item->options;
		measurement = slot->options->measurement;
		sdi12_read_measurement((struct span){ measurement, strlen(measurement) },
			&slot->measurement);
	}
	bus->port = &bus->slots[0].options->serial;
	bus->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (bus->wake_fd < 0)
		goto failed;
	snprintf(name, sizeof(name), "b:%.12s", sensors[0]->name);
	if (thread_start(&bus->thread, name, bus_run, bus) != 0)
		goto failed;
	return bus;
failed:
	log_error("sensor %s: cannot start: %s", sensors[0]->name, strerror(errno));
	if (bus->wake_fd >= 0)
		close(bus->wake_fd);
	free(bus);
	return NULL;
}

void sdi12_bus_stop(struct sdi12_bus *bus)
{
	if (bus == NULL)
		return;
	eventfd_write(bus->wake_fd, 1);
	pthread_join(bus->thread, NULL);
	close(bus->wake_fd);
	free(bus);
}
