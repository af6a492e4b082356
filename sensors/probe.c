#include "sensors/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "sensors/candidates.h"
#include "sensors/hex.h"
#include "sensors/probe_port.h"

enum {
	LISTEN_MS = 3000,  /* most talk once a second, some every 2.3 s */
	HUNT_MS = 2500,    /* at another speed */
	QUESTION_MAX = 80, /* characters of a request as it is written */
};

static const int usual_bauds[] = { 9600, 19200, 4800, 115200 };
static const int hunted_bauds[] = { 19200, 4800, 115200, 2400, 38400, 57600, 1200 };
enum { BAUDS = sizeof(usual_bauds) / sizeof(usual_bauds[0]) };

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
	probe_tell(probe, &found);
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
		(length = probe_read(probe, until_ms, bytes, sizeof(bytes))) > 0) {
		if (probe->heard == 0) {
			size_t shown =
				length < PROBE_SAMPLE_SIZE ? length : PROBE_SAMPLE_SIZE;

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
	understood = probe_goes_on(probe) && tell_best(probe, candidates, true);
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
		probe_set_baud(probe, hunted_bauds[i]);
		if (!probe_goes_on(probe) || listen_once(probe, HUNT_MS, &heard))
			return true;
	}
	return false;
}

/* --- asking ----------------------------------------------------------------------------
 */

/* What was asked before may stand at the beginning of the line that is heard now. */
static bool end_line(struct probe *probe)
{
	if (!probe_ask(probe, (const uint8_t *)"\r\n", 2))
		return false;
	probe_drain(probe, PROBE_SETTLE_MS);
	return probe_goes_on(probe);
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
	if (!probe_ask(probe, request, request_length))
		goto done;
	until_ms = clock_real_ms() + probe->settings->timeout_ms;
	while ((length = probe_read(probe, until_ms, bytes, sizeof(bytes))) > 0)
		for (struct candidate *one = candidates; one->driver != NULL; one++)
			if (is_same_request(driver, one->driver))
				candidate_feed(
					one, bytes, length, request, request_length);
	understood = probe_goes_on(probe) && tell_best(probe, candidates, false);
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
		if (!probe_goes_on(probe))
			return false;
	}
	return false;
}

/* --- all of it ---------------------------------------------------------------------- */

static void ask_all(struct probe *probe)
{
	const struct probe_settings *settings = probe->settings;

	for (size_t i = 0; i < BAUDS && probe_goes_on(probe); i++) {
		int baud = settings->baud != 0 ? settings->baud : usual_bauds[i];

		probe_set_baud(probe, baud);
		probe_drain(probe, PROBE_SETTLE_MS);
		if (ask_drivers(probe, baud) && !settings->all)
			return;
		if (baud != 115200 || settings->baud != 0)
			probe_ask_units(probe);
		if (baud == candidate_baud(sensor_driver_find("sdi12")) &&
			(probe->found == 0 || settings->all))
			probe_ask_addresses(probe);
		if (settings->baud != 0 || (probe->found > 0 && !settings->all))
			return;
	}
}

int64_t probe_duration_ms(const struct probe_settings *settings)
{
	size_t bauds = settings->baud != 0 ? 1 : BAUDS - 1;
	size_t units = settings->all ? 247 : PROBE_UNITS_USUAL + PROBE_UNITS_FACTORY;
	size_t addresses = settings->all ? 62 : 10, drivers = 0;

	for (size_t i = 0; sensor_drivers[i] != NULL; i++)
		drivers += sensor_drivers[i]->probe.ask != NULL && !was_asked(i);
	return (int64_t)(2 * bauds * units + drivers) * (settings->timeout_ms + 10) +
		(int64_t)addresses * (settings->timeout_ms + PROBE_SDI12_MS);
}

/* What could not be made out. */
static void say_what_is_not_known(struct probe *probe)
{
	char text[300];
	size_t used = 0,
	       shown = probe->heard < PROBE_SAMPLE_SIZE ? probe->heard
							: PROBE_SAMPLE_SIZE;

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
	if (probe_goes_on(&probe))
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
