/*
 * Sensirion SPS30: laser dust sensor that has to be started and asked (SHDLC).
 *
 *   115200 8N1, 3.3 or 5 V levels, 5 V supply. Big endian. SEL left open, else it
 *   speaks I2C.
 *
 *   asked      7E adr cmd len data … sum 7E        adr is always 00
 *   answered   7E adr cmd state len data … sum 7E
 *
 * sum: NOT of the low byte of the sum of all between the flags, before stuffing.
 * Between the flags 7E, 7D, 11 and 13 are sent as 7D and the byte XOR 20, also when
 * they are command or sum: a value frame has 47 bytes and one more per stuffed one.
 *
 *   cmd 00  start, 01 03: floats      03  read        10 sleep   11 wake (after an FF)
 *       01  stop                      80  cleaning interval, 00 and u32 s
 *       D1  version                   D2  status register, u32, and a byte
 *
 * Data of 03: ten floats: PM1, PM2.5, PM4, PM10 (µg/m³); particles up to 0.5, 1, 2.5,
 * 4, 10 µm (per cm³); typical size (µm). No data: nothing new since the last time.
 *
 *   7E 00 03 00 28 40 A7 83 20 41 17 77 BB 41 4A 5F 83 41 54 8D DD … 9E 7E
 *                                       PM1 5.235, PM2.5 9.467, 12.648, 13.285
 *
 * State: 00 well; 43 not in this state, which for "start" says that it runs already;
 * bit 7: look at the status register, where bit 21 is the fan's speed, 5 the laser,
 * 4 the fan that stands still (these bits from memory).
 *
 * A dying one says 0.00 everywhere with a typical size that does not move.
 */
#include <math.h>
#include <string.h>

#include "core/metric.h"
#include "core/number.h"
#include "sensors/routine.h"
#include "sensors/serial.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"

enum {
	FLAG = 0x7E,
	ESCAPE = 0x7D,
	ESCAPE_XOR = 0x20,
	INNER_MIN = 5, /* address, command, state, length, sum */
	DATA_SIZE = 40,
	INNER_MAX = INNER_MIN + DATA_SIZE,
	FRAME_MAX = 2 * INNER_MAX + 2,
	REQUEST_INNER_MAX = 10,
	MASSES = 4,
	VALUES = 10,
	COMMAND_START = 0x00,
	COMMAND_READ = 0x03,
	COMMAND_WAKE = 0x11,
	COMMAND_CLEANING = 0x80,
	COMMAND_STATUS = 0xD2,
	STATE_NOT_NOW = 0x43,
	STATE_DEVICE = 0x80,
	STATUS_SIZE = 4,
	CHECK_EVERY = 60, /* questions */
	ANSWER_MS = 500,
	WARMUP_MS = 8000, /* until dust is counted well, after a start */
};

static const uint32_t status_faults = UINT32_C(1) << 21 | 1 << 5 | 1 << 4;
static const double mass_max = 5000; /* made for 1000; a dying one said 63652 */

struct sps30_options {
	struct serial_options serial; /* first: see stream.h */
	int64_t every;
	int64_t cleaning; /* 0: as the device has it */
};

/* --- frames ------------------------------------------------------------------- */

static ssize_t sps30_frame(const uint8_t *bytes, size_t length)
{
	const uint8_t *end;

	if (bytes[0] != FLAG)
		return -1;
	end = memchr(bytes + 1, FLAG, length - 1);
	if (end == NULL)
		return length < FRAME_MAX ? 0 : -1;
	if (end == bytes + 1) /* one frame's end, and the next one's start */
		return -1;
	return end - bytes + 1 <= FRAME_MAX ? end - bytes + 1 : -1;
}

/* Bytes between the flags, in one pass; 0 when they are not stuffed rightly. */
static size_t unstuff(
	const uint8_t *frame, size_t length, uint8_t inner[static INNER_MAX])
{
	size_t used = 0;

	for (size_t i = 1; i + 1 < length; i++) {
		uint8_t byte = frame[i];

		if (byte == ESCAPE) {
			byte = frame[++i] ^ ESCAPE_XOR;
			if (byte != FLAG && byte != ESCAPE && byte != 0x11 &&
				byte != 0x13)
				return 0;
		}
		if (used == INNER_MAX)
			return 0;
		inner[used++] = byte;
	}
	return used;
}

static uint8_t sum_of(const uint8_t *inner, size_t length)
{
	unsigned sum = 0;

	for (size_t i = 0; i < length; i++)
		sum += inner[i];
	return (uint8_t)~sum;
}

/* Adds the sum to INNER (it must have room), stuffs it, puts flags around. */
static size_t wrap(uint8_t *inner, size_t length, uint8_t *frame)
{
	size_t used = 0;

	inner[length] = sum_of(inner, length);
	frame[used++] = FLAG;
	for (size_t i = 0; i <= length; i++) {
		uint8_t byte = inner[i];

		if (byte == FLAG || byte == ESCAPE || byte == 0x11 || byte == 0x13) {
			frame[used++] = ESCAPE;
			byte ^= ESCAPE_XOR;
		}
		frame[used++] = byte;
	}
	frame[used++] = FLAG;
	return used;
}

/* --- decoding ------------------------------------------------------------------ */

static uint32_t read_u32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
		(uint32_t)bytes[2] << 8 | bytes[3];
}

static float read_float(const uint8_t *bytes)
{
	uint32_t bits = read_u32(bytes);
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static enum sensor_result decode_values(const uint8_t *data, struct report *report)
{
	static const uint16_t metrics[MASSES] = { METRIC_PM1, METRIC_PM25, METRIC_PM4,
		METRIC_PM10 };
	double values[VALUES];
	double sum = 0;

	for (size_t i = 0; i < VALUES; i++) {
		values[i] = (double)read_float(data + 4 * i);
		if (!isfinite(values[i]) || values[i] < 0)
			return SENSOR_BAD_VALUE;
		if (i < VALUES - 1)
			sum += values[i];
	}
	if (sum <= 0)
		return values[VALUES - 1] > 0 ? SENSOR_DEVICE_ERROR : SENSOR_WARMING_UP;
	for (size_t i = 0; i < MASSES; i++) {
		/* Each holds the one before. */
		if (values[i] > mass_max || (i > 0 && values[i] < values[i - 1]))
			return SENSOR_BAD_VALUE;
		report_add(report, metrics[i], number_from_float((float)values[i]));
	}
	return SENSOR_OK;
}

static enum sensor_result decode_answer(uint8_t command, uint8_t state,
	const uint8_t *data, size_t size, struct report *report)
{
	if (command == COMMAND_WAKE)
		return SENSOR_IGNORED; /* was awake, or too old to sleep */
	if (command == COMMAND_START && state == STATE_NOT_NOW)
		return SENSOR_IGNORED; /* runs already */
	if (command == COMMAND_STATUS && size >= STATUS_SIZE)
		return read_u32(data) & status_faults ? SENSOR_DEVICE_ERROR
						      : SENSOR_IGNORED;
	if ((state & ~STATE_DEVICE) != 0)
		return SENSOR_DEVICE_ERROR;
	if (state == STATE_DEVICE)
		report->status = STATUS_FAULT;
	if (command != COMMAND_READ || size == 0)
		return state == 0 ? SENSOR_IGNORED : SENSOR_DEVICE_ERROR;
	return size == DATA_SIZE ? decode_values(data, report) : SENSOR_BAD_LENGTH;
}

static enum sensor_result sps30_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	uint8_t inner[INNER_MAX];
	size_t size;

	(void)options;
	if (length < INNER_MIN + 2 || length > FRAME_MAX)
		return SENSOR_BAD_LENGTH;
	if (frame[0] != FLAG || frame[length - 1] != FLAG)
		return SENSOR_BAD_SYNC;
	size = unstuff(frame, length, inner);
	if (size < INNER_MIN || size != (size_t)INNER_MIN + inner[3])
		return SENSOR_BAD_LENGTH;
	if (sum_of(inner, size - 1) != inner[size - 1])
		return SENSOR_BAD_CHECKSUM;
	if (inner[0] != 0)
		return SENSOR_BAD_SYNC;
	return decode_answer(inner[1], inner[2], inner + 4, inner[3], report);
}

/* --- being asked ----------------------------------------------------------------- */

static void put(
	struct routine_command *command, uint8_t code, const uint8_t *data, size_t size)
{
	uint8_t inner[REQUEST_INNER_MAX] = { 0, code, (uint8_t)size };
	uint8_t frame[2 * REQUEST_INNER_MAX + 2];

	if (size > 0)
		memcpy(inner + 3, data, size);
	routine_command_set(command, frame, wrap(inner, 3 + size, frame), true);
}

static struct sensor_turn sps30_turn(const void *options, void *session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	static const uint8_t floats[] = { 0x01, 0x03 };
	/* An FF in front: the first byte only wakes its interface. */
	static const uint8_t wake[] = { 0xFF, 0x7E, 0x00, 0x7D, 0x31, 0x00, 0xEE, 0x7E };
	const struct sps30_options *set = options;
	struct routine routine = {
		.answer_ms = ANSWER_MS,
		.every_ms = set->every,
		.check_every = CHECK_EVERY,
		.warmup_ms = WARMUP_MS,
	};

	if (set->cleaning > 0) {
		uint32_t seconds = (uint32_t)(set->cleaning / 1000);
		uint8_t data[] = { 0, (uint8_t)(seconds >> 24), (uint8_t)(seconds >> 16),
			(uint8_t)(seconds >> 8), (uint8_t)seconds };

		put(&routine.setup[routine.setup_count++], COMMAND_CLEANING, data,
			sizeof(data));
	}
	put(&routine.setup[routine.setup_count++], COMMAND_START, floats, sizeof(floats));
	put(&routine.ask, COMMAND_READ, NULL, 0);
	put(&routine.check, COMMAND_STATUS, (const uint8_t[]){ 0 }, 1);
	routine_command_set(&routine.wake, wake, sizeof(wake), false);
	return routine_turn(&routine, session, last, request);
}

/* --- being played ---------------------------------------------------------------- */

static void write_float(uint8_t *bytes, double value)
{
	float number = (float)value;
	uint32_t bits;

	memcpy(&bits, &number, sizeof(bits));
	for (size_t i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(bits >> (24 - 8 * i));
}

static size_t sps30_follow(const struct simulate_moment *moment, size_t length,
	uint8_t frame[static SIMULATE_FRAME_MAX])
{
	static const double parts[VALUES] = { 0.7, 1, 1.2, 1.4, 4, 5, 5.3, 5.4, 5.5, 0 };
	uint8_t inner[INNER_MAX] = { 0, COMMAND_READ, 0, DATA_SIZE };

	if (isnan(moment->pm25))
		return length;
	for (size_t i = 0; i < VALUES; i++)
		write_float(inner + 4 + 4 * i, moment->pm25 * parts[i]);
	write_float(inner + 4 + 4 * (VALUES - 1), 0.7);
	return wrap(inner, 4 + DATA_SIZE, frame);
}

/* The answer to a request: values for reading, "done" for all else. */
static size_t sps30_reply(struct simulate_device *device, size_t *used,
	uint8_t frame[static SIMULATE_FRAME_MAX])
{
	uint8_t request[INNER_MAX];
	uint8_t inner[INNER_MAX] = { 0 };
	ssize_t size = sps30_frame(device->heard, device->heard_length);
	size_t data = 0;

	*used = size > 0 ? (size_t)size : size < 0 ? 1 : 0;
	if (size <= 0 || unstuff(device->heard, (size_t)size, request) < 4)
		return 0;
	if (request[1] == COMMAND_READ)
		return SIMULATE_NEXT;
	if (request[1] == COMMAND_STATUS)
		data = STATUS_SIZE + 1;
	inner[1] = request[1];
	inner[3] = (uint8_t)data;
	return wrap(inner, 4 + data, frame);
}

/* SPS-1 of the fixtures. */
static const struct simulation sps30_simulation = {
	.summary = "dust sensor that is asked; PM2.5 as --csv says, or as captured",
	.sample = "7E 00 03 00 28 40 A7 83 20 41 17 77 BB 41 4A 5F 83 41 54 8D DD 41 D2 "
		  "83 3E 42 7D 33 FC 85 42 26 17 22 42 29 A4 D9 42 2A 29 BC 3F 55 B7 E7 "
		  "9E 7E",
	.is_asked = true,
	.follow = sps30_follow,
	.reply = sps30_reply,
};

static const struct option sps30_table[] = {
	SERIAL_OPTIONS(struct sps30_options, serial, "115200", "none"),
	{
		.name = "every",
		.type = OPTION_DURATION,
		.offset = offsetof(struct sps30_options, every),
		.fallback = "2s",
		.min = 1000,
		.max = 3600 * 1000,
		.help = "How often it is asked; it has new values once a second.",
	},
	{
		.name = "cleaning",
		.type = OPTION_DURATION,
		.offset = offsetof(struct sps30_options, cleaning),
		.fallback = "0s",
		.min = 3600 * 1000,
		.max = 90.0 * 24 * 3600 * 1000,
		.help = "The fan cleans itself so often (it comes with 7d); 0: as the "
			"device has it.",
	},
	{ .name = NULL },
};

const struct sensor_driver sensor_sps30 = {
	.kind = {
		.name = "sps30",
		.summary = "Sensirion SPS30 (UART): PM1, PM2.5, PM4, PM10",
		.group = {
			.name = "sensor",
			.options = sps30_table,
			.size = sizeof(struct sps30_options),
			.check = serial_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = sps30_frame,
	.frame_max = FRAME_MAX,
	.decode = sps30_decode,
	.turn = sps30_turn,
	.session_size = sizeof(struct routine_session),
	.probe = {
		.ask = "7E 00 03 00 FC 7E",
	},
	.simulation = &sps30_simulation,
};
