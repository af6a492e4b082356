#include "sensors/plantower.h"
#include "sensors/bytes.h"

#include <math.h>
#include <string.h>

enum {
	HEAD = 0x42,
	HEAD_2 = 0x4D,
	SUM_SIZE = 2,
	OFFSET_CF1 = 4,
	OFFSET_ATMOSPHERIC = 10,
	OFFSET_PM_END = 16,
	OFFSET_COUNTS = 16,
	CONCENTRATION_MAX = 5000, /* made for 1000; 16973 is a header read as a value */
	PLAY_MAX = 1000,
	CH2O_MAX = 2000, /* µg/m³; a version byte read as a value is far above */
	TEMPERATURE_MIN = -400,
	TEMPERATURE_MAX = 850,
	HUMIDITY_MIN = 10, /* less is another model's count of large particles */
	HUMIDITY_MAX = 1000,
	COMMAND_SIZE = 7,
	COMMAND_MODE = 0xE1,
	COMMAND_READ = 0xE2,
	COMMAND_SLEEP = 0xE4,
	FRAME_MS = 10 * 1000, /* an active device says something at least so often */
	ANSWER_MS = 2000,
	DUTY_SLEEP_MIN_MS = 10 * 1000,
};

enum pm_fields { PM_ATMOSPHERIC, PM_CF1 };

const char *const plantower_pm_names[] = { "atmospheric", "cf1", NULL };
const char *const plantower_mode_names[] = { "active", "passive", NULL };

static bool is_ack_size(const struct plantower_model *model, size_t size)
{
	return model->takes_commands && size == PLANTOWER_ACK_SIZE;
}

ssize_t plantower_frame(
	const struct plantower_model *model, const uint8_t *bytes, size_t length)
{
	size_t size;

	if (bytes[0] != HEAD)
		return -1;
	if (length < 2)
		return 0;
	if (bytes[1] != HEAD_2)
		return -1;
	if (length < PLANTOWER_HEAD_SIZE)
		return 0;
	size = PLANTOWER_HEAD_SIZE + bytes_big(bytes + 2);
	if (size != model->size && !is_ack_size(model, size))
		return PLANTOWER_HEAD_SIZE; /* decode says "length" */
	return length < size ? 0 : (ssize_t)size;
}

static bool is_all_zero(const uint8_t *bytes, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static enum sensor_result check_fields(
	const struct plantower_model *model, const uint8_t *frame)
{
	size_t end = model->counts_end > 0 ? model->counts_end : OFFSET_PM_END;

	if (model->error > 0 && frame[model->error] != 0)
		return SENSOR_DEVICE_ERROR;
	if (model->version > 0 && frame[model->version] == model->not_version)
		return SENSOR_BAD_VALUE;
	if (is_all_zero(frame, OFFSET_CF1, end))
		return SENSOR_WARMING_UP;
	if (model->counts_end > 0 && bytes_big(frame + OFFSET_COUNTS) == 0 &&
		(bytes_big(frame + OFFSET_ATMOSPHERIC + 4) > 0 ||
			bytes_big(frame + OFFSET_CF1 + 4) > 0))
		return SENSOR_BAD_VALUE; /* dust without particles */
	return SENSOR_OK;
}

static enum sensor_result add_dust(const uint8_t *pm, struct report *report)
{
	static const uint16_t metrics[] = { METRIC_PM1, METRIC_PM25, METRIC_PM10 };

	for (size_t i = 0; i < 3; i++) {
		if (bytes_big(pm + 2 * i) > CONCENTRATION_MAX)
			return SENSOR_BAD_VALUE;
		report_add(report, metrics[i], bytes_big(pm + 2 * i));
	}
	return SENSOR_OK;
}

static enum sensor_result add_others(
	const struct plantower_model *model, const uint8_t *frame, struct report *report)
{
	if (model->ch2o > 0) {
		if (bytes_big(frame + model->ch2o) > CH2O_MAX)
			return SENSOR_BAD_VALUE;
		report_add(report, METRIC_CH2O, bytes_big(frame + model->ch2o));
	}
	if (model->climate > 0) {
		int temperature = (int16_t)bytes_big(frame + model->climate);
		unsigned humidity = bytes_big(frame + model->climate + 2);

		if (temperature < TEMPERATURE_MIN || temperature > TEMPERATURE_MAX ||
			humidity < HUMIDITY_MIN || humidity > HUMIDITY_MAX)
			return SENSOR_BAD_VALUE;
		report_add(report, METRIC_TEMPERATURE, temperature / 10.0);
		report_add(report, METRIC_HUMIDITY, humidity / 10.0);
	}
	return SENSOR_OK;
}

enum sensor_result plantower_decode(const struct plantower_model *model,
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	const struct plantower_options *set = options;
	size_t pm = set != NULL && set->pm == PM_CF1 ? OFFSET_CF1 : OFFSET_ATMOSPHERIC;
	enum sensor_result result;

	if (length != model->size && !is_ack_size(model, length))
		return SENSOR_BAD_LENGTH;
	if (frame[0] != HEAD || frame[1] != HEAD_2)
		return SENSOR_BAD_SYNC;
	if (bytes_big(frame + 2) != length - PLANTOWER_HEAD_SIZE)
		return SENSOR_BAD_LENGTH;
	if (bytes_sum(frame, length - SUM_SIZE) != bytes_big(frame + length - SUM_SIZE))
		return SENSOR_BAD_CHECKSUM;
	if (length == PLANTOWER_ACK_SIZE)
		return SENSOR_IGNORED;
	result = check_fields(model, frame);
	if (result == SENSOR_OK)
		result = add_dust(frame + pm, report);
	if (result == SENSOR_OK)
		result = add_others(model, frame, report);
	return result;
}

/* --- being asked ---------------------------------------------------------------- */

static void put(
	struct routine_command *command, uint8_t code, uint8_t data, bool is_answered)
{
	uint8_t bytes[COMMAND_SIZE] = { HEAD, HEAD_2, code, 0, data };
	unsigned sum = bytes_sum(bytes, COMMAND_SIZE - SUM_SIZE);

	bytes[COMMAND_SIZE - 2] = (uint8_t)(sum >> 8);
	bytes[COMMAND_SIZE - 1] = sum & 0xFF;
	routine_command_set(command, bytes, COMMAND_SIZE, is_answered);
}

struct sensor_turn plantower_turn(const void *options, void *session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	const struct plantower_options *set = options;
	struct routine routine = {
		.setup_count = 1,
		.answer_ms = FRAME_MS,
		.every_ms = set->every,
		.warmup_ms = set->warmup,
		.duty_ms = set->duty,
	};

	put(&routine.wake, COMMAND_SLEEP, 1, false);
	put(&routine.sleep, COMMAND_SLEEP, 0, true);
	if (set->mode == PLANTOWER_PASSIVE) {
		put(&routine.setup[0], COMMAND_MODE, 0, true);
		put(&routine.ask, COMMAND_READ, 0, true);
		routine.answer_ms = ANSWER_MS;
	} else {
		/* Many wire only the line it talks on: no answer is no news. */
		put(&routine.setup[0], COMMAND_MODE, 1, false);
	}
	return routine_turn(&routine, session, last, request);
}

void plantower_check(const void *values, const struct config_place *place)
{
	const struct plantower_options *set = values;

	serial_check(values, place);
	if (set->duty > 0 && set->duty < set->warmup + DUTY_SLEEP_MIN_MS)
		config_error(place, "duty",
			"leaves no time to sleep: it must be longer than warmup by %d s",
			DUTY_SLEEP_MIN_MS / 1000);
}

/* --- being played --------------------------------------------------------------- */

size_t plantower_follow(const struct simulate_moment *moment, size_t length,
	uint8_t frame[static SIMULATE_FRAME_MAX])
{
	double values[3] = { moment->pm25 * 0.7, moment->pm25, moment->pm25 * 1.4 };
	unsigned sum;

	if (isnan(moment->pm25))
		return length;
	for (size_t i = 0; i < 3; i++) {
		unsigned value = (unsigned)(fmin(fmax(values[i], 0), PLAY_MAX) + 0.5);

		for (size_t base = OFFSET_CF1; base <= OFFSET_ATMOSPHERIC; base += 6) {
			frame[base + 2 * i] = (uint8_t)(value >> 8);
			frame[base + 2 * i + 1] = value & 0xFF;
		}
	}
	sum = bytes_sum(frame, length - SUM_SIZE);
	frame[length - 2] = (uint8_t)(sum >> 8);
	frame[length - 1] = sum & 0xFF;
	return length;
}

/* Passive, active, read, sleep, wake; waking is not acknowledged. */
const struct simulate_row plantower_rows[] = {
	{ "42 4D E1 00 00 01 70", "42 4D 00 04 E1 00 01 74", SIMULATE_HUSH },
	{ "42 4D E1 00 01 01 71", "42 4D 00 04 E1 01 01 75", SIMULATE_TALK },
	{ "42 4D E2 00 00 01 71", NULL, SIMULATE_NOTHING },
	{ "42 4D E4 00 00 01 73", "42 4D 00 04 E4 00 01 77", SIMULATE_HUSH },
	{ "42 4D E4 00 01 01 74", "", SIMULATE_TALK },
	{ .heard = NULL },
};
