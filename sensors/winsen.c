#include "sensors/winsen.h"

#include <math.h>

#include "core/metric.h"

uint8_t winsen_sum(const uint8_t *frame, size_t size)
{
	unsigned sum = 0;

	for (size_t i = 1; i + 1 < size; i++)
		sum += frame[i];
	return (uint8_t)(0x100 - (sum & 0xFF));
}

enum sensor_result winsen_check(const uint8_t *frame, size_t length, size_t size)
{
	if (length != size)
		return SENSOR_BAD_LENGTH;
	if (frame[0] != WINSEN_HEAD)
		return SENSOR_BAD_SYNC;
	return frame[size - 1] == winsen_sum(frame, size) ? SENSOR_OK
							  : SENSOR_BAD_CHECKSUM;
}

void winsen_command(
	struct routine_command *command, uint8_t code, uint8_t data, bool is_answered)
{
	uint8_t bytes[WINSEN_SIZE] = { WINSEN_HEAD, 0x01, code, data };

	bytes[WINSEN_SIZE - 1] = winsen_sum(bytes, WINSEN_SIZE);
	routine_command_set(command, bytes, WINSEN_SIZE, is_answered);
}

double winsen_ug_m3(uint16_t metric, double ppb)
{
	static const struct {
		uint16_t metric;
		double grams; /* per mol */
	} gases[] = {
		{ METRIC_CH2O, 30.026 },
		{ METRIC_CO, 28.010 },
		{ METRIC_H2S, 34.081 },
		{ METRIC_NH3, 17.031 },
		{ METRIC_NO2, 46.006 },
		{ METRIC_O3, 47.998 },
		{ METRIC_SO2, 64.064 },
	};
	/* R T / p: 8.314462618 J/(mol K) × 298.15 K / 101325 Pa, in litres */
	static const double litres = 24.46540;

	for (size_t i = 0; i < sizeof(gases) / sizeof(gases[0]); i++)
		if (gases[i].metric == metric)
			return round(ppb * gases[i].grams / litres * 100) / 100;
	return NAN;
}

struct sensor_turn winsen_ask(int64_t every_ms, int64_t warmup_ms, void *session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	struct routine routine = { .every_ms = every_ms, .opening_ms = warmup_ms };

	winsen_command(&routine.ask, WINSEN_READ, 0, true);
	return routine_turn(&routine, session, last, request);
}

const struct simulate_row winsen_rows[] = {
	{ "FF 01 86 00 00 00 00 00 79", NULL, SIMULATE_NOTHING },
	{ .heard = NULL },
};
