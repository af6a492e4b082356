/*
 * Winsen ZPHS01B: dust, CO2, formaldehyde, CO, ozone, NO2, temperature and humidity on
 * one board, asked. Frame and command: sensors/winsen.h; 26 bytes:
 *
 *   0  FF 86
 *   2  PM1      µg/m³
 *   4  PM2.5
 *   6  PM10
 *   8  CO2      ppm
 *  10  VOC      a grade from 0 to 3, which is no concentration: not published
 *  11  temperature: (it - 500) × 0.1 °C; some firmware means 435
 *  13  relative humidity, %
 *  15  CH2O     0.001 mg/m³
 *  17  CO       0.1 ppm
 *  19  O3       0.01 ppm
 *  21  NO2      0.01 ppm
 *  23  reserved
 *  25  sum
 */
#include "core/metric.h"
#include "core/number.h"
#include "sensors/bytes.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"
#include "sensors/winsen.h"

enum {
	FRAME_SIZE = 26,
	DUST_MAX = 5000,
	CO2_MIN = 250,
	CO2_MAX = 10000,
	TEMPERATURE_ZERO = 500,
	TEMPERATURE_MIN = -40,
	TEMPERATURE_MAX = 85,
	HUMIDITY_MAX = 100,
	GAS_MAX = 10000, /* digits */
	DIGITS = 10,     /* of what was multiplied */
};

struct zphs01b_options {
	struct serial_options serial; /* first: see stream.h */
	int64_t every;
	int64_t warmup;
	int temperature_zero;
	double humidity_scale;
};

static ssize_t zphs01b_frame(const uint8_t *bytes, size_t length)
{
	if (bytes[0] != WINSEN_HEAD)
		return -1;
	if (length < 2)
		return 0;
	if (bytes[1] != WINSEN_READ)
		return -1;
	return length < FRAME_SIZE ? 0 : FRAME_SIZE;
}

static enum sensor_result add_air(const uint8_t *frame, struct report *report)
{
	static const uint16_t dust[] = { METRIC_PM1, METRIC_PM25, METRIC_PM10 };
	unsigned co2 = bytes_big(frame + 8);

	for (size_t i = 0; i < 3; i++) {
		if (bytes_big(frame + 2 + 2 * i) > DUST_MAX)
			return SENSOR_BAD_VALUE;
		report_add(report, dust[i], bytes_big(frame + 2 + 2 * i));
	}
	if (co2 == 0)
		return SENSOR_WARMING_UP;
	if (co2 < CO2_MIN || co2 > CO2_MAX)
		return SENSOR_BAD_VALUE;
	report_add(report, METRIC_CO2, co2);
	return SENSOR_OK;
}

static enum sensor_result add_climate(
	const struct zphs01b_options *set, const uint8_t *frame, struct report *report)
{
	int zero = set != NULL ? set->temperature_zero : TEMPERATURE_ZERO;
	double temperature = ((int)bytes_big(frame + 11) - zero) / 10.0;
	double humidity = bytes_big(frame + 13) * (set != NULL ? set->humidity_scale : 1);

	if (temperature < TEMPERATURE_MIN || temperature > TEMPERATURE_MAX ||
		humidity > HUMIDITY_MAX)
		return SENSOR_BAD_VALUE;
	report_add(report, METRIC_TEMPERATURE, temperature);
	report_add(report, METRIC_HUMIDITY, number_round(humidity, DIGITS));
	return SENSOR_OK;
}

static enum sensor_result add_gases(const uint8_t *frame, struct report *report)
{
	static const struct {
		uint16_t metric;
		uint8_t offset;
		double ppb; /* of one digit */
	} gases[] = {
		{ METRIC_CO, 17, 100 },
		{ METRIC_O3, 19, 10 },
		{ METRIC_NO2, 21, 10 },
	};

	if (bytes_big(frame + 15) > GAS_MAX)
		return SENSOR_BAD_VALUE;
	report_add(report, METRIC_CH2O, bytes_big(frame + 15));
	for (size_t i = 0; i < sizeof(gases) / sizeof(gases[0]); i++) {
		unsigned digits = bytes_big(frame + gases[i].offset);

		if (digits > GAS_MAX)
			return SENSOR_BAD_VALUE;
		report_add(report, gases[i].metric,
			winsen_ug_m3(gases[i].metric, digits * gases[i].ppb));
	}
	return SENSOR_OK;
}

static enum sensor_result zphs01b_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	enum sensor_result result = winsen_check(frame, length, FRAME_SIZE);

	if (result == SENSOR_OK && frame[1] != WINSEN_READ)
		result = SENSOR_BAD_SYNC;
	if (result == SENSOR_OK)
		result = add_air(frame, report);
	if (result == SENSOR_OK)
		result = add_climate(options, frame, report);
	if (result == SENSOR_OK)
		result = add_gases(frame, report);
	return result;
}

static struct sensor_turn zphs01b_turn(const void *options, void *session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	const struct zphs01b_options *set = options;

	return winsen_ask(set->every, set->warmup, session, last, request);
}

static const struct option zphs01b_table[] = {
	SERIAL_OPTIONS(struct zphs01b_options, serial, "9600", "none"),
	WINSEN_EVERY(struct zphs01b_options),
	WINSEN_WARMUP(struct zphs01b_options),
	{
		.name = "temperature_zero",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct zphs01b_options, temperature_zero),
		.fallback = "500",
		.min = 0,
		.max = 1000,
		.help = "What it says at 0 °C: 500, with some firmware 435.",
	},
	{
		.name = "humidity_scale",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct zphs01b_options, humidity_scale),
		.fallback = "1",
		.min = 0.01,
		.max = 1,
		.unit = "%",
		.help = "Of one digit of humidity: 1, with some firmware 0.1.",
	},
	{ .name = NULL },
};

/* ZPHS-1 of the fixtures. */
static const struct simulation zphs01b_simulation = {
	.summary = "dust, CO2, gases and climate on a board that is asked",
	.sample = "FF 86 00 12 00 23 00 3C 02 68 01 02 F9 00 49 00 0F 00 07 00 02 00 03 "
		  "00 00 3F",
	.is_asked = true,
	.rows = winsen_rows,
};

const struct sensor_driver sensor_zphs01b = {
	.kind = {
		.name = "zphs01b",
		.summary = "Winsen ZPHS01B: dust, CO2, CH2O, CO, O3, NO2, climate",
		.group = {
			.name = "sensor",
			.options = zphs01b_table,
			.size = sizeof(struct zphs01b_options),
			.check = serial_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = zphs01b_frame,
	.frame_max = FRAME_SIZE,
	.decode = zphs01b_decode,
	.turn = zphs01b_turn,
	.session_size = sizeof(struct routine_session),
	.probe = {
		.ask = "FF 01 86 00 00 00 00 00 79",
	},
	.simulation = &zphs01b_simulation,
};
