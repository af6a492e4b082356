/*
 * A Modbus slave: its registers as a file says, or answers that were captured; without
 * either a tipping bucket gauge, as many are sold: unit 1, 9600 8N1.
 *
 *   register 0   rain since power-on, 0.1 mm, wraps at 65536
 *   register 1   rain rate, 0.1 mm/h
 *
 * Function codes 3 and 4 read the same registers. What falls is said by --rain.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensors/rtu.h"
#include "sensors/simulate.h"

enum {
	ILLEGAL_FUNCTION = 1,
	ILLEGAL_ADDRESS = 2,
	EXCEPTION_BIT = 0x80,
	LINE_SIZE = 4096,
	NUMBER_MIN = -32768,
	NUMBER_MAX = 65535,
};

/* --- the file ------------------------------------------------------------------ */

/* The whole of WORD as a number from MIN to MAX. */
static bool read_integer(const char *word, long min, long max, long *number)
{
	char *end;

	errno = 0;
	*number = strtol(word, &end, strncmp(word, "0x", 2) == 0 ? 16 : 10);
	return errno == 0 && end != word && *end == '\0' && *number >= min &&
		*number <= max;
}

/* "2:0x10", or "16" of UNIT. */
static bool read_place(char *word, long unit, struct simulate_register *at)
{
	char *colon = strchr(word, ':');
	long address;

	if (colon != NULL) {
		*colon = '\0';
		if (!read_integer(word, 1, 255, &unit))
			return false;
		word = colon + 1;
	}
	if (!read_integer(word, 0, NUMBER_MAX, &address))
		return false;
	at->unit = (uint8_t)unit;
	at->address = (uint16_t)address;
	return true;
}

/* One line; false: WHAT is wrong. */
static bool read_line(
	struct simulate_registers *registers, char *line, int unit, const char **what)
{
	struct simulate_register at;
	char *rest, *word;
	long number;
	bool is_any = false;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, " \t\r\n,=", &rest);
	if (word == NULL)
		return true;
	*what = "must begin with [UNIT:]ADDRESS";
	if (!read_place(word, unit, &at))
		return false;
	while ((word = strtok_r(NULL, " \t\r\n,=", &rest)) != NULL) {
		*what = "a register holds -32768 to 65535";
		if (!read_integer(word, NUMBER_MIN, NUMBER_MAX, &number))
			return false;
		*what = "too many registers";
		if (registers->count == SIMULATE_REGISTERS_MAX)
			return false;
		at.number = (uint16_t)number;
		registers->items[registers->count++] = at;
		at.address++;
		is_any = true;
	}
	*what = "no number behind the address";
	return is_any;
}

int simulate_registers_load(struct simulate_registers *registers, const char *file,
	int unit, char *why, size_t size)
{
	FILE *in = fopen(file, "re");
	char line[LINE_SIZE];
	const char *what = NULL;
	bool is_good = true;

	if (in == NULL) {
		snprintf(why, size, "%s: %s", file, strerror(errno));
		return -1;
	}
	for (int number = 1; is_good && fgets(line, sizeof(line), in) != NULL; number++) {
		is_good = read_line(registers, line, unit, &what);
		if (!is_good)
			snprintf(why, size, "%s:%d: %s", file, number, what);
	}
	fclose(in);
	if (is_good && registers->count == 0)
		snprintf(why, size, "%s: no registers", file);
	return is_good && registers->count > 0 ? 0 : -1;
}

/* --- answers ---------------------------------------------------------------------- */

static uint16_t as_register(double tenths)
{
	/* Twice rounded: 53.6 mm must not become 535 tips. */
	return (uint16_t)fmod(floor(tenths * 10 + 1e-6), 65536);
}

/* Finds what is in a register of UNIT; *KNOWN: there is such a unit. */
static bool find_register(const struct simulate_device *device, uint8_t unit,
	unsigned address, uint16_t *number, bool *known)
{
	const struct simulate_registers *registers = &device->registers;

	*known = registers->count == 0 && unit == device->settings->unit_id;
	if (*known) {
		*number = as_register(
			address == 0 ? device->now.rain_mm : device->now.rain_rate);
		return address <= 1;
	}
	for (size_t i = 0; i < registers->count; i++) {
		if (registers->items[i].unit != unit)
			continue;
		*known = true;
		*number = registers->items[i].number;
		if (registers->items[i].address == address)
			return true;
	}
	return false;
}

static size_t refuse(uint8_t *response, uint8_t exception)
{
	response[1] |= EXCEPTION_BIT;
	response[2] = exception;
	return rtu_seal(response, 3);
}

static size_t answer_from_registers(const struct simulate_device *device,
	const struct rtu_message *request, uint8_t *response)
{
	uint16_t number;
	bool known;

	find_register(device, request->unit, request->address, &number, &known);
	if (!known)
		return 0;
	response[0] = request->unit;
	response[1] = request->function;
	if (request->kind == RTU_OTHER)
		return refuse(response, ILLEGAL_FUNCTION);
	response[2] = (uint8_t)(2 * request->count);
	for (unsigned i = 0; i < request->count; i++) {
		if (!find_register(
			    device, request->unit, request->address + i, &number, &known))
			return refuse(response, ILLEGAL_ADDRESS);
		response[3 + 2 * i] = (uint8_t)(number >> 8);
		response[4 + 2 * i] = number & 0xFF;
	}
	return rtu_seal(response, (size_t)3 + 2 * request->count);
}

/* Is PIECE a captured answer, good or damaged, to the request ARG? */
static bool is_answer(const uint8_t *piece, size_t length, const void *arg)
{
	const struct rtu_message *request = arg;

	if (length < 5 || piece[0] != request->unit ||
		(piece[1] & ~EXCEPTION_BIT) != request->function)
		return false;
	return piece[1] & EXCEPTION_BIT || piece[2] == 2 * request->count;
}

static size_t modbus_reply(struct simulate_device *device, size_t *used,
	uint8_t frame[static SIMULATE_FRAME_MAX])
{
	struct rtu_message request;

	if (device->heard_length < RTU_REQUEST_SIZE) {
		*used = 0;
		return 0;
	}
	if (rtu_parse(device->heard, RTU_REQUEST_SIZE, &request) != SENSOR_OK)
		return 0;
	*used = RTU_REQUEST_SIZE;
	if (request.kind != RTU_REQUEST && request.kind != RTU_OTHER)
		return 0;
	if (device->settings->fixture_count > 0)
		return recording_find(&device->recording, is_answer, &request, frame);
	return answer_from_registers(device, &request, frame);
}

const struct simulation simulation_modbus = {
	.name = "rain-modbus",
	.summary =
		"Modbus RTU slave; without --registers a rain gauge, register 0 counts 0.1 mm",
	.is_asked = true,
	.reply = modbus_reply,
};
