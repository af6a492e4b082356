/* What `muabui probe` asks on a bus: every unit, every address. It only reads. */
#include "sensors/probe_port.h"

#include <stdio.h>

#include "core/clock.h"
#include "sensors/rtu_reply.h"

enum { SLOW_MS = 1500 };

/* Units that come from the factory with other numbers than 1 to 20. */
static const int factory_units[PROBE_UNITS_FACTORY] = { 104, 144, 192 };

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
	if (!probe_ask(probe, request, sizeof(request)))
		return SENSOR_PORT_ERROR;
	until_ms = clock_real_ms() + ms +
		serial_char_us(&probe->serial) * (RTU_REQUEST_SIZE + 7) / 1000;
	while (!rtu_reply_is_full(reply) &&
		(length = probe_read(probe, until_ms, bytes, sizeof(bytes))) > 0)
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
	probe_tell(probe, &found);
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

	probe_drain(probe, PROBE_SETTLE_MS);
	result = ask_unit(probe, unit, 3, SLOW_MS, &reply);
	if (result == SENSOR_OK || result == SENSOR_DEVICE_ERROR)
		tell_unit(probe, unit, true);
}

static void try_unit(struct probe *probe, int unit)
{
	for (uint8_t function = 3; function <= 4 && probe_goes_on(probe); function++) {
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
			probe_drain(probe, PROBE_SETTLE_MS);
			return;
		}
	}
}

void probe_ask_units(struct probe *probe)
{
	int last = probe->settings->all ? 247 : PROBE_UNITS_USUAL;

	for (int unit = 1; unit <= last && probe_goes_on(probe); unit++)
		try_unit(probe, unit);
	if (probe->settings->all)
		return;
	for (size_t i = 0; i < PROBE_UNITS_FACTORY; i++)
		if (probe_goes_on(probe))
			try_unit(probe, factory_units[i]);
}

/* --- SDI-12 ------------------------------------------------------------------------- */

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

void probe_ask_addresses(struct probe *probe)
{
	static const char addresses[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t count = probe->settings->all ? sizeof(addresses) - 1 : 10;

	/* Whatever was asked before ends here. */
	probe_drain(probe, PROBE_SETTLE_MS);
	probe_ask(probe, (const uint8_t *)"!", 1);
	probe_drain(probe, PROBE_SETTLE_MS + PROBE_SDI12_MS);
	for (size_t i = 0; i < count && probe_goes_on(probe); i++) {
		char request[] = { addresses[i], '!' };
		struct probe_found found = { .driver = sensor_driver_find("sdi12"),
			.address = addresses[i] };
		uint8_t bytes[64];
		size_t used = 0, length;
		int64_t until_ms =
			clock_real_ms() + probe->settings->timeout_ms + PROBE_SDI12_MS;

		if (!probe_ask(probe, (const uint8_t *)request, sizeof(request)))
			return;
		while (used < sizeof(bytes) &&
			(length = probe_read(probe, until_ms, bytes + used,
				 sizeof(bytes) - used)) > 0) {
			used += length;
			if (is_there(bytes, used, addresses[i])) {
				probe_tell(probe, &found);
				break;
			}
		}
	}
}
