/*
 * A tipping bucket gauge with Modbus, as many are sold: unit 1, 9600 8N1.
 *
 *   register 0   rain since power-on, 0.1 mm, wraps at 65536
 *   register 1   rain rate, 0.1 mm/h
 *
 * Function codes 3 and 4 read both alike. What falls is said by --rain.
 */
#include <math.h>

#include "sensors/simulate.h"

enum {
	REGISTERS = 2,
	ILLEGAL_FUNCTION = 1,
	ILLEGAL_ADDRESS = 2,
	EXCEPTION_BIT = 0x80,
};

static double fallen_mm(const struct simulate_settings *settings, int64_t elapsed_ms)
{
	double sum = 0;

	for (size_t i = 0; i < settings->shower_count; i++) {
		const struct simulate_shower *shower = &settings->showers[i];
		int64_t rained = elapsed_ms - shower->from_ms;

		if (rained > shower->duration_ms)
			rained = shower->duration_ms;
		if (rained > 0)
			sum += shower->mm_per_hour * (double)rained / 3600000.0;
	}
	return sum;
}

static double rate_now(const struct simulate_settings *settings, int64_t elapsed_ms)
{
	double sum = 0;

	for (size_t i = 0; i < settings->shower_count; i++) {
		const struct simulate_shower *shower = &settings->showers[i];

		if (elapsed_ms > shower->from_ms &&
			elapsed_ms <= shower->from_ms + shower->duration_ms)
			sum += shower->mm_per_hour;
	}
	return sum;
}

static uint16_t as_register(double tenths)
{
	/* Twice rounded: 53.6 mm must not become 535 tips. */
	return (uint16_t)fmod(floor(tenths * 10 + 1e-6), 65536);
}

static size_t refuse(uint8_t response[static RTU_MAX], uint8_t exception)
{
	response[1] |= EXCEPTION_BIT;
	response[2] = exception;
	return rtu_seal(response, 3);
}

static size_t rain_answer(const struct simulate_settings *settings, int64_t elapsed_ms,
	const uint8_t request[static RTU_REQUEST_SIZE], uint8_t response[static RTU_MAX])
{
	unsigned address = (unsigned)request[2] << 8 | request[3];
	unsigned count = (unsigned)request[4] << 8 | request[5];
	uint16_t registers[REGISTERS] = {
		as_register(fallen_mm(settings, elapsed_ms)),
		as_register(rate_now(settings, elapsed_ms)),
	};

	if (request[0] != settings->unit_id)
		return 0;
	response[0] = request[0];
	response[1] = request[1];
	if (request[1] != 3 && request[1] != 4)
		return refuse(response, ILLEGAL_FUNCTION);
	if (count == 0 || address + count > REGISTERS)
		return refuse(response, ILLEGAL_ADDRESS);
	response[2] = (uint8_t)(2 * count);
	for (unsigned i = 0; i < count; i++) {
		response[3 + 2 * i] = registers[address + i] >> 8;
		response[4 + 2 * i] = registers[address + i] & 0xFF;
	}
	return rtu_seal(response, (size_t)3 + 2 * count);
}

const struct simulation simulation_rain = {
	.name = "rain-modbus",
	.summary = "rain gauge with Modbus RTU; register 0 counts tenths of a millimetre",
	.answer = rain_answer,
};
