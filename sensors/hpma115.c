/*
 * Honeywell HPMA115S0 (and HPM): laser dust sensor that talks by itself once a
 * second, or is asked. All of this is from memory of its data sheet.
 *
 *   9600 8N1, 3.3 V levels, 5 V supply. Big endian.
 *
 * Talking ("auto send"), in the Plantower's envelope:
 *
 *   0  42 4D   header
 *   2  00 1C   length of what follows, checksum included: 32 bytes in all
 *   4  reserved
 *   6  PM2.5   µg/m³, 0 … 1000
 *   8  PM10
 *  10  reserved
 *  30  sum of all bytes before
 *
 * Asked, 68 01 04 93:
 *
 *   0  40 05 04    head, length, command
 *   3  PM2.5       µg/m³
 *   5  PM10
 *   7  256 less the low byte of the sum of all bytes before
 *
 *   40 05 04 00 30 00 31 56                        PM2.5 48, PM10 49
 *
 * Commands, answered by A5 A5 (done) or 96 96 (refused):
 *
 *   68 01 01 96   start       68 01 40 57   auto send on
 *   68 01 02 95   stop        68 01 20 77   auto send off
 *
 * Good values come 6 s after the start of its fan.
 */
#include <string.h>

#include "core/metric.h"
#include "sensors/bytes.h"
#include "sensors/routine.h"
#include "sensors/serial.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"

enum {
	AUTO_SIZE = 32,
	AUTO_LENGTH = AUTO_SIZE - 4,
	ANSWER_SIZE = 8,
	ACK_SIZE = 2,
	ACK = 0xA5,
	NACK = 0x96,
	AUTO_HEAD = 0x42,
	AUTO_HEAD_2 = 0x4D,
	HEAD = 0x40,
	HEAD_LENGTH = 0x05,
	COMMAND = 0x68,
	COMMAND_READ = 0x04,
	COMMAND_START = 0x01,
	COMMAND_STOP = 0x02,
	COMMAND_TALK = 0x40,
	COMMAND_BE_ASKED = 0x20,
	CONCENTRATION_MAX = 5000, /* made for 1000 */
	FRAME_MS = 10 * 1000,
	DUTY_SLEEP_MIN_MS = 10 * 1000,
};

enum hpma115_mode { MODE_ACTIVE, MODE_QUERY };

struct hpma115_options {
	struct serial_options serial; /* first: see stream.h */
	int mode;                     /* enum hpma115_mode */
	int64_t every;
	int64_t duty;
	int64_t warmup;
};

/* LENGTH bytes begin as HEAD does, as far as they go. */
static bool begins_with(
	const uint8_t *bytes, size_t length, const uint8_t *head, size_t head_size)
{
	return memcmp(bytes, head, length < head_size ? length : head_size) == 0;
}

static ssize_t hpma115_frame(const uint8_t *bytes, size_t length)
{
	static const struct {
		uint8_t head[4];
		uint8_t head_size;
		uint8_t size;
	} kinds[] = {
		{ { AUTO_HEAD, AUTO_HEAD_2, 0, AUTO_LENGTH }, 4, AUTO_SIZE },
		{ { HEAD, HEAD_LENGTH, COMMAND_READ }, 3, ANSWER_SIZE },
		{ { ACK, ACK }, 2, ACK_SIZE },
		{ { NACK, NACK }, 2, ACK_SIZE },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (begins_with(bytes, length, kinds[i].head, kinds[i].head_size))
			return length < kinds[i].size ? 0 : kinds[i].size;
	return -1;
}

static enum sensor_result add_dust(const uint8_t *pm, struct report *report)
{
	unsigned pm25 = bytes_big(pm), pm10 = bytes_big(pm + 2);

	if (pm25 == 0 && pm10 == 0)
		return SENSOR_WARMING_UP;
	if (pm25 > CONCENTRATION_MAX || pm10 > CONCENTRATION_MAX || pm25 > pm10)
		return SENSOR_BAD_VALUE;
	report_add(report, METRIC_PM25, pm25);
	report_add(report, METRIC_PM10, pm10);
	return SENSOR_OK;
}

static enum sensor_result hpma115_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	(void)options;
	switch (length) {
	case ACK_SIZE:
		if (frame[0] != frame[1] || (frame[0] != ACK && frame[0] != NACK))
			return SENSOR_BAD_SYNC;
		return frame[0] == ACK ? SENSOR_IGNORED : SENSOR_DEVICE_ERROR;
	case ANSWER_SIZE:
		if (frame[0] != HEAD || frame[1] != HEAD_LENGTH ||
			frame[2] != COMMAND_READ)
			return SENSOR_BAD_SYNC;
		if ((bytes_sum(frame, ANSWER_SIZE) & 0xFF) != 0)
			return SENSOR_BAD_CHECKSUM;
		return add_dust(frame + 3, report);
	case AUTO_SIZE:
		if (frame[0] != AUTO_HEAD || frame[1] != AUTO_HEAD_2)
			return SENSOR_BAD_SYNC;
		if (bytes_big(frame + 2) != AUTO_LENGTH)
			return SENSOR_BAD_LENGTH;
		if (bytes_sum(frame, AUTO_SIZE - 2) != bytes_big(frame + AUTO_SIZE - 2))
			return SENSOR_BAD_CHECKSUM;
		return add_dust(frame + 6, report);
	default:
		return SENSOR_BAD_LENGTH;
	}
}

static void put(struct routine_command *command, uint8_t code, bool is_answered)
{
	uint8_t bytes[] = { COMMAND, 1, code, (uint8_t) - (COMMAND + 1 + code) };

	routine_command_set(command, bytes, sizeof(bytes), is_answered);
}

static struct sensor_turn hpma115_turn(const void *options, void *session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	const struct hpma115_options *set = options;
	bool is_asked = set->mode == MODE_QUERY;
	struct routine routine = {
		.setup_count = 2,
		.answer_ms = is_asked ? 0 : FRAME_MS,
		.every_ms = set->every,
		.warmup_ms = set->warmup,
		.duty_ms = set->duty,
	};

	/* Where it only talks, the line to it may not be wired: no answer is no news. */
	put(&routine.setup[0], COMMAND_START, is_asked);
	put(&routine.setup[1], is_asked ? COMMAND_BE_ASKED : COMMAND_TALK, is_asked);
	if (is_asked)
		put(&routine.ask, COMMAND_READ, true);
	put(&routine.wake, COMMAND_START, true);
	put(&routine.sleep, COMMAND_STOP, true);
	return routine_turn(&routine, session, last, request);
}

static void hpma115_check(const void *values, const struct config_place *place)
{
	const struct hpma115_options *set = values;

	serial_check(values, place);
	if (set->duty > 0 && set->duty < set->warmup + DUTY_SLEEP_MIN_MS)
		config_error(place, "duty",
			"leaves no time to sleep: it must be longer than warmup by %d s",
			DUTY_SLEEP_MIN_MS / 1000);
}

static const char *const mode_names[] = { "active", "query", NULL };

static const struct option hpma115_table[] = {
	SERIAL_OPTIONS(struct hpma115_options, serial, "9600", "none"),
	{
		.name = "mode",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct hpma115_options, mode),
		.fallback = "active",
		.choices = mode_names,
		.help = "Active: it talks by itself. Query: it is asked.",
	},
	{
		.name = "every",
		.type = OPTION_DURATION,
		.offset = offsetof(struct hpma115_options, every),
		.fallback = "10s",
		.min = 1000,
		.max = 3600 * 1000,
		.help = "How often a device in query mode is asked.",
	},
	{
		.name = "duty",
		.type = OPTION_DURATION,
		.offset = offsetof(struct hpma115_options, duty),
		.fallback = "0s",
		.min = 60 * 1000,
		.max = 24.0 * 3600 * 1000,
		.help = "Start it so often for one reading, to spare the laser; 0: "
			"always on.",
	},
	{
		.name = "warmup",
		.type = OPTION_DURATION,
		.offset = offsetof(struct hpma115_options, warmup),
		.fallback = "10s",
		.min = 1000,
		.max = 600 * 1000,
		.help = "After starting, values do not count for so long.",
	},
	{ .name = NULL },
};

/* Start, stop, talk, be asked, read. */
static const struct simulate_row hpma115_rows[] = {
	{ "68 01 01 96", "A5 A5", SIMULATE_TALK },
	{ "68 01 02 95", "A5 A5", SIMULATE_HUSH },
	{ "68 01 40 57", "A5 A5", SIMULATE_TALK },
	{ "68 01 20 77", "A5 A5", SIMULATE_HUSH },
	{ "68 01 04 93", "40 05 04 00 30 00 31 56", SIMULATE_NOTHING },
	{ .heard = NULL },
};

/* HPMA-2 of the fixtures; HPMA-1 where it is asked. */
static const struct simulation hpma115_simulation = {
	.summary = "dust sensor that talks: PM2.5 35, PM10 60 µg/m³",
	.sample = "42 4D 00 1C 00 00 00 23 00 3C 00 00 00 00 00 00 00 00 00 00 00 00 "
		  "00 00 00 00 00 00 00 00 01 0A",
	.rows = hpma115_rows,
};

const struct sensor_driver sensor_hpma115 = {
	.kind = {
		.name = "hpma115",
		.summary = "Honeywell HPMA115S0: PM2.5, PM10",
		.group = {
			.name = "sensor",
			.options = hpma115_table,
			.size = sizeof(struct hpma115_options),
			.check = hpma115_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = hpma115_frame,
	.frame_max = AUTO_SIZE,
	.decode = hpma115_decode,
	.turn = hpma115_turn,
	.session_size = sizeof(struct routine_session),
	.probe = {
		.ask = "68 01 04 93",
		.asked = "mode = \"query\";",
	},
	.simulation = &hpma115_simulation,
};
