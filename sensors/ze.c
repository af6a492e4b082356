#include "sensors/ze.h"
#include "sensors/bytes.h"

#include <math.h>

#include "core/number.h"

enum {
	UNIT_PPM = 0x03,
	UNIT_PPB = 0x04,
	DECIMALS_MAX = 3,
	DIGITS = 10,          /* of what was multiplied */
	FRAME_MS = 10 * 1000, /* a talking one says something once a second */
};

enum ze_mode { MODE_ACTIVE, MODE_QUERY };

const char *const ze_mode_names[] = { "active", "query", NULL };

static const struct ze_gas *find_gas(const struct ze_model *model, uint8_t code)
{
	for (size_t i = 0; i < model->gas_count; i++)
		if (model->gases[i].code == code)
			return &model->gases[i];
	return NULL;
}

/* The gas the user says it is; NULL: none was said. */
static const struct ze_gas *set_gas(
	const struct ze_model *model, const struct ze_options *set)
{
	if (model->gas_count == 1)
		return &model->gases[0];
	return set != NULL && set->gas > 0 ? &model->gases[set->gas - 1] : NULL;
}

ssize_t ze_frame(const struct ze_model *model, const uint8_t *bytes, size_t length)
{
	if (bytes[0] != WINSEN_HEAD)
		return -1;
	if (length < 2)
		return 0;
	if (bytes[1] != WINSEN_READ && bytes[1] != WINSEN_MODE &&
		find_gas(model, bytes[1]) == NULL)
		return -1;
	return length < WINSEN_SIZE ? 0 : WINSEN_SIZE;
}

static double scale_of(const struct ze_options *set)
{
	return set != NULL && set->scale > 0 ? set->scale : 1;
}

static enum sensor_result add_ppb(const struct ze_gas *gas, const struct ze_gas *expected,
	double ppb, struct report *report)
{
	if (gas == NULL || (expected != NULL && gas != expected))
		return SENSOR_BAD_SYNC; /* another module */
	report_add(report, gas->metric, winsen_ug_m3(gas->metric, ppb));
	return SENSOR_OK;
}

static enum sensor_result decode_talk(const struct ze_model *model,
	const struct ze_options *set, const uint8_t *frame, struct report *report)
{
	double ppb = bytes_big(frame + 4) * scale_of(set);

	if ((frame[2] != UNIT_PPB && frame[2] != UNIT_PPM) || frame[3] > DECIMALS_MAX)
		return SENSOR_BAD_VALUE;
	if (frame[2] == UNIT_PPM)
		ppb *= 1000;
	return add_ppb(find_gas(model, frame[1]), set_gas(model, set),
		ppb / pow(10, frame[3]), report);
}

/*
 * Does the µg/m³ of an answer fit its ppb, for this gas? Between 25 and 0 °C, which is
 * what makers mean, with a tenth to spare and what is lost to whole numbers.
 */
static bool fit(const struct ze_gas *gas, unsigned mass, unsigned ppb)
{
	double expected = winsen_ug_m3(gas->metric, ppb);

	return mass >= expected * 0.9 - 3 && mass <= expected * 1.2 + 3;
}

/* An answer that says both µg/m³ and ppb. */
static enum sensor_result decode_both(const struct ze_model *model,
	const struct ze_options *set, const uint8_t *frame, struct report *report)
{
	const struct ze_gas *gas = set_gas(model, set);
	unsigned mass = bytes_big(frame + 2), ppb = bytes_big(frame + 6);

	if (bytes_big(frame + 4) != 0)
		return SENSOR_BAD_SYNC; /* MH-Z and ZE03 have something there */
	if (gas == NULL)
		return SENSOR_MISSING_FIELD;
	if (!fit(gas, mass, ppb))
		return SENSOR_BAD_VALUE;
	report_add(report, gas->metric, number_round(mass * scale_of(set), DIGITS));
	return SENSOR_OK;
}

enum sensor_result ze_decode(const struct ze_model *model, const void *options,
	const uint8_t *frame, size_t length, struct report *report)
{
	const struct ze_options *set = options;
	enum sensor_result result = winsen_check(frame, length, WINSEN_SIZE);
	const struct ze_gas *gas;

	if (result != SENSOR_OK)
		return result;
	if (frame[1] == WINSEN_MODE)
		return SENSOR_IGNORED;
	if (frame[1] != WINSEN_READ)
		return decode_talk(model, set, frame, report);
	if (!model->names_gas)
		return decode_both(model, set, frame, report);
	gas = find_gas(model, frame[4]);
	return add_ppb(gas, set_gas(model, set),
		gas != NULL ? bytes_big(frame + 2) * gas->ppb * scale_of(set) : 0,
		report);
}

struct sensor_turn ze_turn(const struct ze_model *model, const void *options,
	void *session, enum sensor_result last,
	uint8_t request[static SENSOR_REQUEST_MAX])
{
	const struct ze_options *set = options;
	bool is_asked = set->mode == MODE_QUERY;
	struct routine routine = {
		.setup_count = 1,
		.answer_ms = is_asked ? 0 : FRAME_MS,
		.every_ms = set->every,
		.opening_ms = set->warmup,
	};

	/* Not all of them answer this: what they say then shows whether they heard it. */
	winsen_command(&routine.setup[0], WINSEN_MODE,
		is_asked ? model->be_asked : model->talk, false);
	if (is_asked)
		winsen_command(&routine.ask, WINSEN_READ, 0, true);
	return routine_turn(&routine, session, last, request);
}

void ze_check_gas(const void *values, const struct config_place *place)
{
	const struct ze_options *set = values;

	serial_check(values, place);
	if (set->mode == MODE_QUERY && set->gas == 0)
		config_error(place, "gas",
			"must be set in mode \"query\", where the answer does not name it");
}

const struct simulate_row ze_rows[] = {
	{ "FF 01 78 41 00 00 00 00 46", "", SIMULATE_HUSH },
	{ "FF 01 78 40 00 00 00 00 47", "", SIMULATE_TALK },
	{ "FF 01 86 00 00 00 00 00 79", "FF 86 00 2A 00 00 00 20 30", SIMULATE_NOTHING },
	{ .heard = NULL },
};
