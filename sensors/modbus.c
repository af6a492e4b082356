/*
 * Any device that keeps its values in Modbus registers, on RS-485 or RS-232.
 * The configuration is its data sheet: address, type, order, scale.
 *
 *   request    id fc address:2 count:2 crc:2
 *   response   id fc bytes:1 data… crc:2
 *   exception  id fc|80 code crc:2
 *
 *   01 03 00 00 00 01 84 0A   01 03 02 02 18 B9 2E    register 0 is 536: 53.6 mm
 *
 * The decode function takes exchanges: a request with its response behind it, as
 * many as the sensor's blocks. A response alone does not say which registers it
 * brings.
 */
#include "sensors/modbus.h"

#include <math.h>
#include <string.h>

#include "core/number.h"
#include "sensors/simulate.h"

enum {
	EXACT_DIGITS = 12, /* of a scaled value: 536 × 0.1 is 53.6 */
};

struct modbus_number {
	double value;
	int64_t integer; /* the same, where it is one */
	bool is_float;
	unsigned bits; /* 16, 32 */
};

static unsigned words_of(const struct modbus_register *reg)
{
	return reg->type == MODBUS_INT16 || reg->type == MODBUS_UINT16 ? 1 : 2;
}

static uint8_t function_of(
	const struct modbus_options *options, const struct modbus_register *reg)
{
	return (uint8_t)(reg->function != 0 ? reg->function : options->function);
}

/* --- which requests ---------------------------------------------------- */

static uint32_t place_of(
	const struct modbus_options *options, const struct modbus_register *reg)
{
	return (uint32_t)function_of(options, reg) << 16 | (uint32_t)reg->address;
}

static size_t sort_registers(const struct modbus_options *options,
	const struct modbus_register *sorted[static READINGS_MAX])
{
	const struct modbus_register *registers = options->registers.items;
	size_t count = 0;

	for (size_t i = 0; i < options->registers.count && count < READINGS_MAX; i++) {
		size_t at = count++;

		for (; at > 0 &&
			place_of(options, sorted[at - 1]) >
				place_of(options, &registers[i]);
			at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = &registers[i];
	}
	return count;
}

/* Stretches BLOCK to hold REG, if one request may fetch both. */
static bool join(const struct modbus_options *options, struct modbus_block *block,
	const struct modbus_register *reg)
{
	unsigned end = block->address + block->count;
	unsigned new_end = (unsigned)reg->address + words_of(reg);

	if (block->function != function_of(options, reg))
		return false;
	if ((unsigned)reg->address > end + (unsigned)options->max_gap)
		return false;
	if (new_end < end)
		new_end = end;
	if (new_end - block->address > RTU_REGISTERS_MAX)
		return false;
	block->count = (uint16_t)(new_end - block->address);
	return true;
}

size_t modbus_plan(const struct modbus_options *options,
	struct modbus_block blocks[static READINGS_MAX])
{
	const struct modbus_register *sorted[READINGS_MAX];
	size_t registers = sort_registers(options, sorted);
	size_t count = 0;

	for (size_t i = 0; i < registers; i++) {
		if (count > 0 && join(options, &blocks[count - 1], sorted[i]))
			continue;
		blocks[count++] = (struct modbus_block){
			.function = function_of(options, sorted[i]),
			.address = (uint16_t)sorted[i]->address,
			.count = (uint16_t)words_of(sorted[i]),
		};
	}
	return count;
}

/* --- what the bytes mean ----------------------------------------------- */

static uint32_t assemble(const uint8_t *bytes, int order)
{
	static const uint8_t places[4][4] = {
		[MODBUS_ABCD] = { 0, 1, 2, 3 },
		[MODBUS_CDAB] = { 2, 3, 0, 1 },
		[MODBUS_BADC] = { 1, 0, 3, 2 },
		[MODBUS_DCBA] = { 3, 2, 1, 0 },
	};
	const uint8_t *place = places[order];

	return (uint32_t)bytes[place[0]] << 24 | (uint32_t)bytes[place[1]] << 16 |
		(uint32_t)bytes[place[2]] << 8 | bytes[place[3]];
}

static uint16_t assemble_word(const uint8_t *bytes, int order)
{
	if (order == MODBUS_BADC || order == MODBUS_DCBA)
		return (uint16_t)(bytes[1] << 8 | bytes[0]);
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static struct modbus_number read_number(
	const struct modbus_register *reg, const uint8_t *bytes)
{
	struct modbus_number number = { .bits = 16 * words_of(reg) };
	uint32_t pattern;
	float real;

	if (number.bits == 16) {
		uint16_t word = assemble_word(bytes, reg->order);

		number.integer = reg->type == MODBUS_INT16 ? (int16_t)word : word;
		number.value = (double)number.integer;
		return number;
	}
	pattern = assemble(bytes, reg->order);
	if (reg->type == MODBUS_FLOAT32) {
		memcpy(&real, &pattern, sizeof(real));
		number.is_float = true;
		number.value = number_from_float(real);
		return number;
	}
	number.integer = reg->type == MODBUS_INT32 ? (int32_t)pattern : (int64_t)pattern;
	number.value = (double)number.integer;
	return number;
}

/* Data sheets write the same "no value" as -1 and as 65535: both are meant. */
static bool is_invalid(
	const struct modbus_register *reg, const struct modbus_number *number)
{
	double other = number->value;

	if (number->is_float && isnan(number->value))
		return true;
	if (!number->is_float) {
		int64_t modulus = INT64_C(1) << number->bits;

		other = (double)(number->integer < 0 ? number->integer + modulus
						     : number->integer - modulus);
	}
	for (size_t i = 0; i < reg->invalid.count; i++)
		if (reg->invalid.values[i] == number->value ||
			reg->invalid.values[i] == other)
			return true;
	return false;
}

/* Appends REG's reading, unless the device has no value for it. */
static enum sensor_result take_register(
	const struct modbus_register *reg, const uint8_t *bytes, struct report *report)
{
	struct modbus_number number = read_number(reg, bytes);
	double value;

	if (is_invalid(reg, &number))
		return SENSOR_OK;
	value = number.value * reg->scale + reg->offset;
	if (!isfinite(value))
		return SENSOR_BAD_VALUE;
	if (reg->scale != 1.0 || reg->offset != 0.0)
		value = number_round(value, EXACT_DIGITS);
	return report_add(report, reg->metric->id, value) ? SENSOR_OK : SENSOR_TOO_LARGE;
}

static enum sensor_result take_block(const struct modbus_options *options,
	const struct rtu_message *request, const struct rtu_message *response,
	struct report *report)
{
	const struct modbus_register *registers = options->registers.items;

	for (size_t i = 0; i < options->registers.count; i++) {
		const struct modbus_register *reg = &registers[i];
		unsigned begin = (unsigned)reg->address;
		enum sensor_result result;

		if (function_of(options, reg) != request->function)
			continue;
		if (begin < request->address ||
			begin + words_of(reg) >
				(unsigned)request->address + request->count)
			continue;
		if (report_find(report, reg->metric->id) != NULL)
			continue;
		result = take_register(reg,
			response->data + (size_t)2 * (begin - request->address), report);
		if (result != SENSOR_OK)
			return result;
	}
	return SENSOR_OK;
}

/* Bytes of the response at the start of BYTES by what it says; 0: not all there. */
static size_t response_size(const uint8_t *bytes, size_t length)
{
	size_t size;

	if (length < 3)
		return 0;
	size = bytes[1] & 0x80 ? 5 : (size_t)5 + bytes[2];
	return size <= length ? size : 0;
}

/* Decodes the exchange at the start of BYTES; its length goes to SIZE. */
static enum sensor_result decode_exchange(const struct modbus_options *options,
	const uint8_t *bytes, size_t length, struct report *report, size_t *size)
{
	struct rtu_message request, response;
	enum sensor_result result;
	size_t answer;

	if (length < RTU_REQUEST_SIZE)
		return SENSOR_BAD_LENGTH;
	result = rtu_parse(bytes, RTU_REQUEST_SIZE, &request);
	if (result != SENSOR_OK)
		return result;
	if (request.kind != RTU_REQUEST)
		return SENSOR_BAD_SYNC;
	answer = response_size(bytes + RTU_REQUEST_SIZE, length - RTU_REQUEST_SIZE);
	if (answer == 0)
		return SENSOR_BAD_LENGTH;
	result = rtu_parse(bytes + RTU_REQUEST_SIZE, answer, &response);
	if (result != SENSOR_OK)
		return result;
	if (response.unit != request.unit || response.function != request.function)
		return SENSOR_BAD_SYNC;
	if (response.kind == RTU_EXCEPTION)
		return SENSOR_DEVICE_ERROR;
	if (response.kind != RTU_RESPONSE || response.count != request.count)
		return SENSOR_BAD_LENGTH;
	*size = RTU_REQUEST_SIZE + answer;
	return take_block(options, &request, &response, report);
}

static enum sensor_result modbus_decode(
	const void *options, const uint8_t *bytes, size_t length, struct report *report)
{
	size_t at = 0;

	if (length == 0)
		return SENSOR_BAD_LENGTH;
	if (options == NULL)
		return SENSOR_MISSING_FIELD; /* nothing says what the registers mean */
	while (at < length) {
		size_t size = 0;
		enum sensor_result result =
			decode_exchange(options, bytes + at, length - at, report, &size);

		if (result != SENSOR_OK)
			return result;
		at += size;
	}
	return report->count > 0 ? SENSOR_OK : SENSOR_BAD_VALUE;
}

/* --- options ------------------------------------------------------------ */

static const char *const type_names[] = { "int16", "uint16", "int32", "uint32", "float32",
	NULL };
static const char *const order_names[] = { "ABCD", "CDAB", "BADC", "DCBA", NULL };

static const struct option register_table[] = {
	{
		.name = "metric",
		.type = OPTION_METRIC,
		.offset = offsetof(struct modbus_register, metric),
		.required = true,
		.help = "What the register measures.",
	},
	{
		.name = "address",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct modbus_register, address),
		.required = true,
		.max = 65535,
		.help = "Address on the wire: 40001 in a manual is often 0 here.",
	},
	{
		.name = "type",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct modbus_register, type),
		.fallback = "uint16",
		.choices = type_names,
		.help = "Type of the number; 32 bits take two registers.",
	},
	{
		.name = "order",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct modbus_register, order),
		.fallback = "ABCD",
		.choices = order_names,
		.help = "Order of the bytes, A being the most significant.",
	},
	{
		.name = "scale",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct modbus_register, scale),
		.fallback = "1.0",
		.help = "The number is multiplied by this to get the metric's unit.",
	},
	{
		.name = "offset",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct modbus_register, offset),
		.fallback = "0.0",
		.help = "Added after scaling.",
	},
	{
		.name = "invalid",
		.type = OPTION_NUMBERS,
		.offset = offsetof(struct modbus_register, invalid),
		.help = "Numbers, before scaling, by which the device says that it has no value.",
	},
	{
		.name = "function",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct modbus_register, function),
		.fallback = "0",
		.max = 4,
		.help = "Function code of this register, 3 or 4; 0: the sensor's.",
	},
	{ .name = NULL },
};

static void check_register(const void *values, const struct config_place *place)
{
	const struct modbus_register *reg = values;

	if (reg->function != 0 && reg->function != 3 && reg->function != 4)
		config_error(place, "function", "registers are read by function 3 or 4");
	if (reg->scale == 0.0)
		config_error(place, "scale", "0 would make every value the same");
	if ((unsigned)reg->address + words_of(reg) > 65536)
		config_error(
			place, "address", "the value would end beyond register 65535");
}

static const struct option_group register_group = {
	.name = "register",
	.options = register_table,
	.size = sizeof(struct modbus_register),
	.check = check_register,
};

static const struct option modbus_table[] = {
	SERIAL_OPTIONS(struct modbus_options, serial, "9600", "none"),
	{
		.name = "unit_id",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct modbus_options, unit_id),
		.fallback = "1",
		.min = 1,
		.max = 247,
		.help = "Address of the device on the bus.",
	},
	{
		.name = "every",
		.type = OPTION_DURATION,
		.offset = offsetof(struct modbus_options, every),
		.fallback = "10s",
		.min = 100,
		.max = 24.0 * 3600 * 1000,
		.help = "How often the device is asked.",
	},
	{
		.name = "timeout",
		.type = OPTION_DURATION,
		.offset = offsetof(struct modbus_options, timeout),
		.fallback = "1s",
		.min = 20,
		.max = 30 * 1000,
		.help = "How long to wait for an answer.",
	},
	{
		.name = "pause",
		.type = OPTION_DURATION,
		.offset = offsetof(struct modbus_options, pause),
		.fallback = "20ms",
		.max = 10 * 1000,
		.help = "Silence before each request, never less than 3.5 characters.",
	},
	{
		.name = "function",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct modbus_options, function),
		.fallback = "3",
		.min = 3,
		.max = 4,
		.help = "Function code: 3 reads holding registers, 4 input registers.",
	},
	{
		.name = "max_gap",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct modbus_options, max_gap),
		.fallback = "0",
		.max = RTU_REGISTERS_MAX,
		.help = "Unused registers that one request may span to fetch both sides.",
	},
	{
		.name = "registers",
		.type = OPTION_LIST,
		.offset = offsetof(struct modbus_options, registers),
		.required = true,
		.group = &register_group,
		.help = "The registers to read.",
	},
	{ .name = NULL },
};

static void check_modbus(const void *values, const struct config_place *place)
{
	const struct modbus_options *options = values;
	const struct modbus_register *registers = options->registers.items;

	serial_check(values, place);
	if (options->registers.count == 0)
		config_error(place, "registers", "at least one is needed");
	if (options->registers.count > READINGS_MAX)
		config_error(
			place, "registers", "at most %d in one sensor", READINGS_MAX);
	for (size_t i = 0; i < options->registers.count; i++) {
		for (size_t j = 0; j < i; j++) {
			/* NULL: the metric was wrong and has been complained of. */
			if (registers[i].metric == NULL ||
				registers[i].metric != registers[j].metric)
				continue;
			config_error(place, "registers",
				"the metric %s stands there twice",
				registers[i].metric->name);
			break;
		}
	}
}

/* A whole-numbered register runs over at the end of its bits. */
static double modbus_modulus(const void *opaque, uint16_t metric)
{
	static const double sizes[] = {
		[MODBUS_UINT16] = 65536.0,
		[MODBUS_UINT32] = 4294967296.0,
		[MODBUS_FLOAT32] = 0,
	};
	const struct modbus_options *options = opaque;
	const struct modbus_register *registers = options->registers.items;

	for (size_t i = 0; i < options->registers.count; i++)
		if (registers[i].metric->id == metric)
			return sizes[registers[i].type] * registers[i].scale;
	return 0;
}

const struct sensor_driver sensor_modbus = {
	.kind = {
		.name = "modbus",
		.summary = "Modbus RTU: any device with registers, described by the configuration",
		.group = {
			.name = "sensor",
			.options = modbus_table,
			.size = sizeof(struct modbus_options),
			.check = check_modbus,
		},
	},
	.bus = SENSOR_BUS_MODBUS,
	.decode = modbus_decode,
	.modulus = modbus_modulus,
	.simulation = &simulation_rain,
};
