#include "sensors/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "sensors/candidates.h"
#include "sensors/hex.h"
#include "sensors/rtu_reply.h"

enum {
	LISTEN_MS = 3000, /* most talk once a second, some every 2.3 s */
	HUNT_MS = 2500,   /* at another speed */
	SLOW_MS = 1500,
	SETTLE_MS = 60,       /* what a USB adapter still holds comes meanwhile */
	SAMPLE_SIZE = 16,     /* bytes shown of what nobody understands */
	QUESTION_MAX = 80,    /* characters of a request as it is written */
	SDI12_EXTRA_MS = 120, /* the adapter speaks with 1200 baud behind */
};

static const int usual_bauds[] = { 9600, 19200, 4800, 115200 };
static const int hunted_bauds[] = { 19200, 4800, 115200, 2400, 38400, 57600, 1200 };
/* Units that come from the factory with other numbers than 1 to 20. */
static const int factory_units[] = { 104, 144, 192 };

enum { BAUDS = sizeof(usual_bauds) / sizeof(usual_bauds[0]) };

struct probe {
	const struct probe_settings *settings;
	const struct probe_sink *sink;
	struct serial_options serial; /* as the port is set now */
	int fd;
	bool is_stopped, is_lost;
	size_t found, damaged;
	size_t heard; /* bytes that no frame was made of, and the first of them */
	uint8_t sample[SAMPLE_SIZE];
	int slow_units[4];
	size_t slow_count;
};

/* --- the port ------------------------------------------------------------------- */

static bool goes_on(const struct probe *probe)
{
	return !probe->is_stopped && !probe->is_lost;
}

/* Reads what comes until UNTIL_MS; 0: the time is over, or it ends. */
static size_t read_some(
	struct probe *probe, int64_t until_ms, uint8_t *bytes, size_t size)
{
	while (goes_on(probe)) {
		int64_t left = until_ms - clock_real_ms();
		ssize_t length;

		switch (serial_wait(
			probe->fd, probe->settings->stop_fd, left > 0 ? left : 0)) {
		case SERIAL_QUIET:
			return 0;
		case SERIAL_WOKEN:
			probe->is_stopped = true;
			return 0;
		case SERIAL_GONE:
			probe->is_lost = true;
			return 0;
		case SERIAL_READY:
			break;
		}
		length = serial_read(probe->fd, bytes, size);
		if (length > 0)
			return (size_t)length;
		probe->is_lost = length < 0;
	}
	return 0;
}

/* Lets what is late pass, so that it is not taken for the next answer. */
static void drain(struct probe *probe, int64_t ms)
{
	uint8_t bytes[256];
	int64_t until_ms = clock_real_ms() + ms;

	while (read_some(probe, until_ms, bytes, sizeof(bytes)) > 0)
		;
}

static bool ask(struct probe *probe, const uint8_t *request, size_t length)
{
	if (goes_on(probe) && serial_write(probe->fd, request, length) != 0)
		probe->is_lost = true;
	return goes_on(probe);
}

static void set_baud(struct probe *probe, int baud)
{
	probe->serial.baud = baud;
	if (goes_on(probe) && serial_set_line(probe->fd, &probe->serial) != 0)
		probe->is_lost = true;
}

static void tell(struct probe *probe, struct probe_found *found)
{
	found->serial = probe->serial;
	probe->found++;
	probe->sink->found(probe->sink->arg, found);
}

/* Tells of the CANDIDATES that understood; the first is it, the others look like it. */
static bool tell_best(struct probe *probe, const struct candidate *candidates, bool talks)
{
	struct probe_found found = { .talks = talks };
	const struct candidate *text = NULL;

	for (const struct candidate *one = candidates; one->driver != NULL; one++) {
		if (one->good == 0)
			continue;
		if (candidate_is_catch_all(one->driver))
			text = one;
		else if (found.driver == NULL)
			found.driver = one->driver;
		else if (found.alike_count < PROBE_ALIKE_MAX)
			found.alike[found.alike_count++] = one->driver;
	}
	/* One line may be what a wrong speed looks like. */
	if (found.driver == NULL && text != NULL && text->good >= 2)
		found.driver = text->driver;
	if (found.driver == NULL)
		return false;
	tell(probe, &found);
	return true;
}

/* --- listening ---------------------------------------------------------------------- */

/* What is text on a wrong speed is seldom all printable. */
static bool is_printable(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((bytes[i] < 0x20 || bytes[i] > 0x7E) && bytes[i] != '\r' &&
			bytes[i] != '\n' && bytes[i] != '\t')
			return false;
	return true;
}

/* Listens at the present speed; *BYTES: how many came. True: somebody was understood. */
static bool listen_once(struct probe *probe, int64_t ms, size_t *heard)
{
	struct candidate *candidates = candidates_make();
	int64_t until_ms = clock_real_ms() + ms;
	uint8_t bytes[256];
	size_t length;
	bool is_text = true, understood;

	*heard = 0;
	if (candidates == NULL)
		return false;
	while (!candidates_understand(candidates) &&
		(length = read_some(probe, until_ms, bytes, sizeof(bytes))) > 0) {
		if (probe->heard == 0) {
			size_t shown = length < SAMPLE_SIZE ? length : SAMPLE_SIZE;

			memcpy(probe->sample, bytes, shown);
		}
		*heard += length;
		probe->heard += length;
		is_text &= is_printable(bytes, length);
		for (struct candidate *one = candidates; one->driver != NULL; one++)
			if (is_text || !candidate_is_catch_all(one->driver))
				candidate_feed(one, bytes, length, NULL, 0);
	}
	for (struct candidate *one = candidates; one->driver != NULL; one++)
		if (candidate_is_catch_all(one->driver) && !is_text)
			one->good = 0;
	understood = goes_on(probe) && tell_best(probe, candidates, true);
	free(candidates);
	return understood;
}

/* A wrong speed brings bytes as well: where none come, nobody talks at any. */
static bool listen_to_port(struct probe *probe)
{
	size_t heard;

	if (listen_once(probe, LISTEN_MS, &heard))
		return true;
	if (heard == 0 || probe->settings->baud != 0)
		return false;
	for (size_t i = 0; i < sizeof(hunted_bauds) / sizeof(hunted_bauds[0]); i++) {
		set_baud(probe, hunted_bauds[i]);
		if (!goes_on(probe) || listen_once(probe, HUNT_MS, &heard))
			return true;
	}
	return false;
}

/* --- asking ----------------------------------------------------------------------------
 */

/* What was asked before may stand at the beginning of the line that is heard now. */
static bool end_line(struct probe *probe)
{
	if (!ask(probe, (const uint8_t *)"\r\n", 2))
		return false;
	drain(probe, SETTLE_MS);
	return goes_on(probe);
}

static bool is_same_request(
	const struct sensor_driver *one, const struct sensor_driver *other)
{
	return one->probe.ask != NULL && other->probe.ask != NULL &&
		strcmp(one->probe.ask, other->probe.ask) == 0;
}

/* Asks what DRIVER may be asked; all that know the answer to it are candidates. */
static bool ask_driver(struct probe *probe, const struct sensor_driver *driver)
{
	struct candidate *candidates = candidates_make();
	uint8_t request[QUESTION_MAX], bytes[256];
	size_t request_length, length;
	int64_t until_ms;
	bool understood = false;

	if (candidates == NULL || strlen(driver->probe.ask) > sizeof(request))
		goto done;
	hex_read_capture((const uint8_t *)driver->probe.ask, strlen(driver->probe.ask),
		driver->is_text, request, &request_length);
	if (driver->is_text && !end_line(probe))
		goto done;
	if (!ask(probe, request, request_length))
		goto done;
	until_ms = clock_real_ms() + probe->settings->timeout_ms;
	while ((length = read_some(probe, until_ms, bytes, sizeof(bytes))) > 0)
		for (struct candidate *one = candidates; one->driver != NULL; one++)
			if (is_same_request(driver, one->driver))
				candidate_feed(
					one, bytes, length, request, request_length);
	understood = goes_on(probe) && tell_best(probe, candidates, false);
done:
	free(candidates);
	return understood;
}

static bool was_asked(size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (is_same_request(sensor_drivers[i], sensor_drivers[index]))
			return true;
	return false;
}

/* Asks all that usually speak at this speed. True: one answered. */
static bool ask_drivers(struct probe *probe, int baud)
{
	for (size_t i = 0; sensor_drivers[i] != NULL; i++) {
		const struct sensor_driver *driver = sensor_drivers[i];

		if (driver->bus != SENSOR_BUS_STREAM || driver->probe.ask == NULL ||
			was_asked(i))
			continue;
		if (probe->settings->baud == 0 && candidate_baud(driver) != baud)
			continue;
		if (ask_driver(probe, driver))
			return true;
		if (!goes_on(probe))
			return false;
	}
	return false;
}

/* --- Modbus ------------------------------------------------------------------------- */

/*
 * One register of UNIT by FUNCTION, to be answered within MS; any answer will do, "no
 * such address" as well.
 */
static enum sensor_result ask_unit(struct probe *probe, int unit, uint8_t function,
	int64_t ms, struct rtu_reply *reply)
{
	uint8_t request[RTU_REQUEST_SIZE], bytes[256];
	size_t length;
	int64_t until_ms;

	rtu_request(request, (uint8_t)unit, function, 0, 1);
	rtu_reply_begin(reply, request);
	if (!ask(probe, request, sizeof(request)))
		return SENSOR_PORT_ERROR;
	until_ms = clock_real_ms() + ms +
		serial_char_us(&probe->serial) * (RTU_REQUEST_SIZE + 7) / 1000;
	while (!rtu_reply_is_full(reply) &&
		(length = read_some(probe, until_ms, bytes, sizeof(bytes))) > 0)
		if (rtu_reply_put(reply, bytes, length))
			break;
	return rtu_reply_verdict(reply);
}

static void tell_unit(struct probe *probe, int unit, bool is_slow)
{
	struct probe_found found = {
		.driver = sensor_driver_find("modbus"), .unit = unit, .is_slow = is_slow
	};

	for (size_t i = 0; i < probe->slow_count; i++)
		if (probe->slow_units[i] == unit)
			return;
	if (is_slow &&
		probe->slow_count <
			sizeof(probe->slow_units) / sizeof(probe->slow_units[0]))
		probe->slow_units[probe->slow_count++] = unit;
	tell(probe, &found);
}

static void say_damaged(struct probe *probe, int unit)
{
	char text[200];

	probe->damaged++;
	snprintf(text, sizeof(text),
		"unit %d answers, but damaged: two units with this number, no termination, or "
		"another parity",
		unit);
	probe->sink->note(probe->sink->arg, text);
}

/* UNIT said something when another was asked: is it there, and only slow? */
static void try_slow(struct probe *probe, int unit)
{
	struct rtu_reply reply;
	enum sensor_result result;

	drain(probe, SETTLE_MS);
	result = ask_unit(probe, unit, 3, SLOW_MS, &reply);
	if (result == SENSOR_OK || result == SENSOR_DEVICE_ERROR)
		tell_unit(probe, unit, true);
}

static void try_unit(struct probe *probe, int unit)
{
	for (uint8_t function = 3; function <= 4 && goes_on(probe); function++) {
		struct rtu_reply reply;
		enum sensor_result result = ask_unit(
			probe, unit, function, probe->settings->timeout_ms, &reply);

		if (result == SENSOR_OK || result == SENSOR_DEVICE_ERROR) {
			tell_unit(probe, unit, false);
			return;
		}
		if (reply.seen & RTU_SEEN_FOREIGN && reply.foreign_unit != 0 &&
			reply.foreign_unit != unit)
			try_slow(probe, reply.foreign_unit);
		if (result == SENSOR_BAD_CHECKSUM || result == SENSOR_BAD_LENGTH) {
			say_damaged(probe, unit);
			drain(probe, SETTLE_MS);
			return;
		}
	}
}

static void ask_units(struct probe *probe)
{
	int last = probe->settings->all ? 247 : PROBE_UNITS_USUAL;

	for (int unit = 1; unit <= last && goes_on(probe); unit++)
		try_unit(probe, unit);
	if (probe->settings->all)
		return;
	for (size_t i = 0; i < sizeof(factory_units) / sizeof(factory_units[0]); i++)
		if (goes_on(probe))
			try_unit(probe, factory_units[i]);
}

/* --- SDI-12 --------------------------------------------------------------------------
 */

/* "a!" is answered by "a", perhaps behind its echo; the eighth bit may be a parity. */
static bool is_there(const uint8_t *bytes, size_t length, char address)
{
	char text[64];
	size_t used = 0;

	for (size_t i = 0; i < length && used < sizeof(text); i++) {
		char c = (char)(bytes[i] & 0x7F);

		if (c > ' ' || c == '\r' || c == '\n')
			text[used++] = c;
	}
	for (size_t i = 0; i + 2 < used; i++)
		if (text[i] == address && text[i + 1] == '\r' && text[i + 2] == '\n')
			return i == 0 || text[i - 1] == '!';
	return false;
}

static void ask_addresses(struct probe *probe)
{
	static const char addresses[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t count = probe->settings->all ? sizeof(addresses) - 1 : 10;

	/* Whatever was asked before ends here. */
	drain(probe, SETTLE_MS);
	ask(probe, (const uint8_t *)"!", 1);
	drain(probe, SETTLE_MS + SDI12_EXTRA_MS);
	for (size_t i = 0; i < count && goes_on(probe); i++) {
		char request[] = { addresses[i], '!' };
		struct probe_found found = { .driver = sensor_driver_find("sdi12"),
			.address = addresses[i] };
		uint8_t bytes[64];
		size_t used = 0, length;
		int64_t until_ms =
			clock_real_ms() + probe->settings->timeout_ms + SDI12_EXTRA_MS;

		if (!ask(probe, (const uint8_t *)request, sizeof(request)))
			return;
		while (used < sizeof(bytes) &&
			(length = read_some(probe, until_ms, bytes + used,
				 sizeof(bytes) - used)) > 0) {
			used += length;
			if (is_there(bytes, used, addresses[i])) {
				tell(probe, &found);
				break;
			}
		}
	}
}

/* --- all of it
 * -------------------------------------------------------------------------- */

static void ask_all(struct probe *probe)
{
	const struct probe_settings *settings = probe->settings;

	for (size_t i = 0; i < BAUDS && goes_on(probe); i++) {
		int baud = settings->baud != 0 ? settings->baud : usual_bauds[i];

		set_baud(probe, baud);
		drain(probe, SETTLE_MS);
		if (ask_drivers(probe, baud) && !settings->all)
			return;
		if (baud != 115200 || settings->baud != 0)
			ask_units(probe);
		if (baud == candidate_baud(sensor_driver_find("sdi12")) &&
			(probe->found == 0 || settings->all))
			ask_addresses(probe);
		if (settings->baud != 0 || (probe->found > 0 && !settings->all))
			return;
	}
}

int64_t probe_duration_ms(const struct probe_settings *settings)
{
	size_t bauds = settings->baud != 0 ? 1 : BAUDS - 1;
	size_t units = settings->all
		? 247
		: PROBE_UNITS_USUAL + sizeof(factory_units) / sizeof(factory_units[0]);
	size_t addresses = settings->all ? 62 : 10, drivers = 0;

	for (size_t i = 0; sensor_drivers[i] != NULL; i++)
		drivers += sensor_drivers[i]->probe.ask != NULL && !was_asked(i);
	return (int64_t)(2 * bauds * units + drivers) * (settings->timeout_ms + 10) +
		(int64_t)addresses * (settings->timeout_ms + SDI12_EXTRA_MS);
}

/* What could not be made out. */
static void say_what_is_not_known(struct probe *probe)
{
	char text[300];
	size_t used = 0, shown = probe->heard < SAMPLE_SIZE ? probe->heard : SAMPLE_SIZE;

	if (probe->found > 0)
		return;
	if (probe->heard > 0) {
		used = (size_t)snprintf(text, sizeof(text),
			"bytes come, but no driver knows them: another speed or parity, A and B "
			"swapped, or an unknown device. The first of %zu:",
			probe->heard);
		for (size_t i = 0; i < shown && used + 4 < sizeof(text); i++)
			used += (size_t)snprintf(text + used, sizeof(text) - used,
				" %02X", probe->sample[i]);
		probe->sink->note(probe->sink->arg, text);
	} else if (probe->damaged == 0) {
		probe->sink->note(probe->sink->arg,
			"nobody talks or answers: no power, A and B swapped, RX and TX swapped, "
			"another address, speed or parity, or slower than --timeout");
	}
}

enum probe_end probe_run(const struct probe_settings *settings,
	const struct probe_sink *sink, char *why, size_t size)
{
	struct probe probe = {
		.settings = settings,
		.sink = sink,
		.serial = {
			.port = settings->port,
			.baud = settings->baud != 0 ? settings->baud : usual_bauds[0],
			.parity = settings->parity,
			.stop_bits = 1,
			.data_bits = 8,
		},
	};

	probe.fd = serial_open(&probe.serial, why, size);
	if (probe.fd < 0)
		return PROBE_FAILED;
	if (!listen_to_port(&probe) || settings->all)
		ask_all(&probe);
	if (goes_on(&probe))
		say_what_is_not_known(&probe);
	serial_close(probe.fd);
	if (probe.is_lost)
		serial_say_gone(&probe.serial, why, size);
	return probe.is_stopped ? PROBE_STOPPED
		: probe.is_lost ? PROBE_FAILED
				: PROBE_DONE;
}

void probe_configuration(const struct probe_found *found, const char *name,
	char text[static PROBE_LINE_MAX])
{
	const struct sensor_driver *driver = found->driver;
	const char *more = found->talks ? driver->probe.talking : driver->probe.asked;
	char line[80] = "", place[40] = "";

	if (found->serial.baud != candidate_baud(driver))
		snprintf(line, sizeof(line), " baud = %d;", found->serial.baud);
	if (found->serial.parity != SERIAL_PARITY_NONE)
		snprintf(line + strlen(line), sizeof(line) - strlen(line),
			" parity = \"%s\";", serial_parity_names[found->serial.parity]);
	if (driver->bus == SENSOR_BUS_MODBUS)
		snprintf(place, sizeof(place), " unit_id = %d;%s", found->unit,
			found->is_slow ? " timeout = \"2s\";" : "");
	if (driver->bus == SENSOR_BUS_SDI12)
		snprintf(place, sizeof(place), " address = \"%c\";", found->address);
	snprintf(text, PROBE_LINE_MAX,
		"{ name = \"%s\"; driver = \"%s\"; port = \"%s\";%s%s%s%s }", name,
		driver->kind.name, found->serial.port, line, place,
		more != NULL ? " " : "", more != NULL ? more : "");
}
