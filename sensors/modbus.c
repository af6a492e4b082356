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
	struct modbus_number number = { .bits = 16 * modbus_words(reg) };
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
	const struct modbus_block block = {
		.function = request->function,
		.address = request->address,
		.count = request->count,
	};

	for (size_t i = 0; i < options->registers.count; i++) {
		const struct modbus_register *reg = &registers[i];
		enum sensor_result result;

		if (!modbus_holds(options, &block, reg) ||
			report_find(report, reg->metric->id) != NULL)
			continue;
		result = take_register(reg,
			response->data +
				(size_t)2 * (unsigned)(reg->address - block.address),
			report);
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
		if (registers[i].metric->id == metric && !registers[i].clear_on_read)
			return sizes[registers[i].type] * registers[i].scale;
	return 0;
}

const struct sensor_driver sensor_modbus = {
	.kind = {
		.name = "modbus",
		.summary = "Modbus RTU or TCP: any device with registers, described by the configuration",
		.group = {
			.name = "sensor",
			.options = modbus_table,
			.size = sizeof(struct modbus_options),
			.check = modbus_check,
		},
	},
	.bus = SENSOR_BUS_MODBUS,
	.decode = modbus_decode,
	.modulus = modbus_modulus,
	.probe = {
		.asked = "registers = ( /* TODO: what its manual says */ { metric = \"temperature\"; address = 0; } );",
	},
	.simulation = &simulation_modbus,
};
