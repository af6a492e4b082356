/*
 * Nova Fitness SDS011, SDS018 and SDS021: laser dust sensors that talk by
 * themselves once a second. Frame: sensors/nova.h. Its own:
 *
 *   1  C0      data
 *   2  PM2.5   0.1 µg/m³, 0 … 999.9
 *   4  PM10    0.1 µg/m³
 *
 *   AA C0 D4 04 3A 0A A1 60 1D AB                  PM2.5 123.6, PM10 261.8
 *
 * AA CF is the SDS198, another device with PM100 in bytes 4 and 5: refused. All zero
 * is what a device says while its fan starts.
 *
 * Commands are 19 bytes: AA B4 command set value, ten times 00, id (FF FF: any), low
 * byte of the sum of bytes 2 to 16, AB. Answers: AA C5 command set value 00 id sum AB.
 *
 *   02 set 0: it talks    1: it is asked     04     asks: answered with data
 *   06 set 1: it works    0: it sleeps       08 set minutes: 30 s on in so many, 0:
 * always
 *
 * What it says first after waking is garbage; good values come after 30 s. Now and then
 * it does not hear "sleep". Asleep, it answers nothing but "work".
 */
#include <math.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/bytes.h"
#include "sensors/nova.h"
#include "sensors/routine.h"
#include "sensors/serial.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"

enum {
	VALUE_MAX = 9999, /* 0.1 µg/m³ */
	COMMAND_SIZE = 19,
	COMMAND_HEAD = 0xB4,
	FRAME_MS = 10 * 1000, /* a talking device says something at least so often */
	ANSWER_MS = 2000,
	DUTY_SLEEP_MIN_MS = 10 * 1000,
};

enum sds011_mode { MODE_ACTIVE, MODE_QUERY };

struct sds011_options {
	struct serial_options serial; /* first: see stream.h */
	int mode;                     /* enum sds011_mode */
	int period;                   /* minutes, 0: always on, -1: not set */
	int64_t every;
	int64_t duty;
	int64_t warmup;
};

/* The sum leaves the head out, so that what an answer says has to make sense. */
static enum sensor_result check_answer(const uint8_t *frame)
{
	switch (frame[2]) {
	case NOVA_MODE:
	case NOVA_WORK:
		return frame[3] <= 1 && frame[4] <= 1 && frame[5] == 0 ? SENSOR_IGNORED
								       : SENSOR_BAD_SYNC;
	case NOVA_PERIOD:
		return frame[3] <= 1 && frame[4] <= 30 && frame[5] == 0 ? SENSOR_IGNORED
									: SENSOR_BAD_SYNC;
	case NOVA_ID:
	case NOVA_FIRMWARE:
		return SENSOR_IGNORED;
	default:
		return SENSOR_BAD_SYNC;
	}
}

static enum sensor_result sds011_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	enum sensor_result result = nova_check(frame, length);
	unsigned pm25, pm10;

	(void)options;
	if (result != SENSOR_OK)
		return result;
	if (frame[1] == NOVA_ANSWER)
		return check_answer(frame);
	if (frame[1] != NOVA_DATA)
		return SENSOR_BAD_SYNC;
	pm25 = bytes_little(frame + 2);
	pm10 = bytes_little(frame + 4);
	if (pm25 == 0 && pm10 == 0)
		return SENSOR_WARMING_UP;
	if (pm25 > VALUE_MAX || pm10 > VALUE_MAX)
		return SENSOR_BAD_VALUE;
	report_add(report, METRIC_PM25, pm25 / 10.0);
	report_add(report, METRIC_PM10, pm10 / 10.0);
	return SENSOR_OK;
}

/* --- being asked ---------------------------------------------------------------- */

static void put(struct routine_command *command, uint8_t code, uint8_t set, uint8_t value,
	bool is_answered)
{
	uint8_t bytes[COMMAND_SIZE] = { NOVA_HEAD, COMMAND_HEAD, code, set,
		value, [15] = 0xFF, [16] = 0xFF, [18] = NOVA_TAIL };
	unsigned sum = 0;

	for (size_t i = 2; i < 17; i++)
		sum += bytes[i];
	bytes[17] = sum & 0xFF;
	routine_command_set(command, bytes, COMMAND_SIZE, is_answered);
}

static struct sensor_turn sds011_turn(const void *options, void *session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	const struct sds011_options *set = options;
	struct routine routine = {
		.answer_ms = FRAME_MS,
		.every_ms = set->every,
		.warmup_ms = set->warmup,
		.duty_ms = set->duty,
	};

	put(&routine.wake, NOVA_WORK, 1, 1, true);
	put(&routine.sleep, NOVA_WORK, 1, 0, true);
	if (set->mode == MODE_QUERY) {
		put(&routine.setup[routine.setup_count++], NOVA_MODE, 1, 1, true);
		put(&routine.ask, NOVA_QUERY, 0, 0, true);
		routine.answer_ms = ANSWER_MS;
	} else {
		/* Many wire only the line it talks on: no answer is no news. */
		put(&routine.setup[routine.setup_count++], NOVA_MODE, 1, 0, false);
	}
	if (set->period >= 0)
		put(&routine.setup[routine.setup_count++], NOVA_PERIOD, 1,
			(uint8_t)set->period, true);
	if (set->period > 0) /* it rests meanwhile, and must not be woken for that */
		routine.answer_ms += set->period * (int64_t)60000;
	return routine_turn(&routine, session, last, request);
}

static void sds011_check(const void *values, const struct config_place *place)
{
	const struct sds011_options *set = values;

	serial_check(values, place);
	if (set->duty > 0 && set->period > 0)
		config_error(place, "period", "the device rests by duty already");
	if (set->period > 0 && set->mode == MODE_QUERY)
		config_error(place, "period", "needs mode \"active\"");
	if (set->duty > 0 && set->duty < set->warmup + DUTY_SLEEP_MIN_MS)
		config_error(place, "duty",
			"leaves no time to sleep: it must be longer than warmup by %d s",
			DUTY_SLEEP_MIN_MS / 1000);
}

/* --- being played --------------------------------------------------------------- */

static size_t sds011_follow(const struct simulate_moment *moment, size_t length,
	uint8_t frame[static SIMULATE_FRAME_MAX])
{
	double values[2] = { moment->pm25, moment->pm25 * 1.4 };

	if (isnan(moment->pm25))
		return length;
	for (size_t i = 0; i < 2; i++) {
		unsigned value =
			(unsigned)(fmin(fmax(values[i] * 10, 0), VALUE_MAX) + 0.5);

		frame[2 + 2 * i] = value & 0xFF;
		frame[3 + 2 * i] = (uint8_t)(value >> 8);
	}
	frame[8] = nova_sum(frame);
	return length;
}

/* Obeys what says whether it talks, and answers the rest as if it did. */
static size_t sds011_reply(struct simulate_device *device, size_t *used,
	uint8_t frame[static SIMULATE_FRAME_MAX])
{
	const uint8_t *heard = device->heard;

	if (heard[0] != NOVA_HEAD)
		return 0;
	if (device->heard_length < COMMAND_SIZE) {
		*used = 0;
		return 0;
	}
	if (heard[1] != COMMAND_HEAD || heard[COMMAND_SIZE - 1] != NOVA_TAIL)
		return 0;
	*used = COMMAND_SIZE;
	if (heard[2] == NOVA_QUERY)
		return SIMULATE_NEXT;
	if (heard[3] == 1 && heard[2] == NOVA_MODE)
		device->is_talking = heard[4] == 0;
	if (heard[3] == 1 && heard[2] == NOVA_WORK)
		device->is_talking = heard[4] == 1;
	memcpy(frame,
		(uint8_t[NOVA_FRAME_SIZE]){ NOVA_HEAD, NOVA_ANSWER, heard[2], heard[3],
			heard[4], 0, 0x58, 0xD9, 0, NOVA_TAIL },
		NOVA_FRAME_SIZE);
	frame[8] = nova_sum(frame);
	return NOVA_FRAME_SIZE;
}

/* SDS-2 of the fixtures. */
static const struct simulation sds011_simulation = {
	.summary = "dust sensor that talks; PM2.5 as --csv says, or as captured",
	.sample = "AA C0 06 00 06 00 58 D9 3D AB",
	.follow = sds011_follow,
	.reply = sds011_reply,
};

static const char *const sds011_aliases[] = { "sds018", "sds021", NULL };

static const char *const mode_names[] = { "active", "query", NULL };

static const struct option sds011_table[] = {
	SERIAL_OPTIONS(struct sds011_options, serial, "9600", "none"),
	{
		.name = "mode",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct sds011_options, mode),
		.fallback = "active",
		.choices = mode_names,
		.help = "Active: it talks by itself. Query: it is asked.",
	},
	{
		.name = "every",
		.type = OPTION_DURATION,
		.offset = offsetof(struct sds011_options, every),
		.fallback = "10s",
		.min = 3000,
		.max = 3600 * 1000,
		.help = "How often a device in query mode is asked.",
	},
	{
		.name = "period",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct sds011_options, period),
		.fallback = "-1",
		.min = 0,
		.max = 30,
		.unit = "min",
		.help = "The device's own rest: 30 s on in so many minutes, 0: always "
			"on; -1: as it is.",
	},
	{
		.name = "duty",
		.type = OPTION_DURATION,
		.offset = offsetof(struct sds011_options, duty),
		.fallback = "0s",
		.min = 60 * 1000,
		.max = 24.0 * 3600 * 1000,
		.help = "Wake it so often for one reading, to spare the laser; 0: always "
			"on.",
	},
	{
		.name = "warmup",
		.type = OPTION_DURATION,
		.offset = offsetof(struct sds011_options, warmup),
		.fallback = "30s",
		.min = 1000,
		.max = 600 * 1000,
		.help = "After waking, values do not count for so long.",
	},
	{ .name = NULL },
};

const struct sensor_driver sensor_sds011 = {
	.kind = {
		.name = "sds011",
		.aliases = sds011_aliases,
		.summary = "Nova Fitness SDS011, SDS018, SDS021: PM2.5, PM10",
		.group = {
			.name = "sensor",
			.options = sds011_table,
			.size = sizeof(struct sds011_options),
			.check = sds011_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = nova_frame,
	.frame_max = NOVA_FRAME_SIZE,
	.decode = sds011_decode,
	.turn = sds011_turn,
	.session_size = sizeof(struct routine_session),
	.probe = {
		.ask = "AA B4 04 00 00 00 00 00 00 00 00 00 00 00 00 FF FF 02 AB",
		.asked = "mode = \"query\";",
	},
	.simulation = &sds011_simulation,
};
