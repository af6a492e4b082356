#include "sensors/ask.h"

#include <string.h>

#include "core/clock.h"

enum {
	SILENCE_MIN_MS = 10 * 1000,
	SILENCE_PERIODS = 3,
};

struct sensor_turn ask_turn(const struct ask_options *options, const char *text,
	int64_t pause_ms, uint8_t request[static SENSOR_REQUEST_MAX])
{
	size_t length = strnlen(text, SENSOR_REQUEST_MAX);

	memcpy(request, text, length);
	return (struct sensor_turn){
		.length = length,
		.wait_ms = options->timeout,
		.pause_ms = pause_ms,
	};
}

struct sensor_turn ask_listen(const struct ask_options *options)
{
	int64_t silence_ms = clock_to_real_ms(SILENCE_PERIODS * options->every);

	return (struct sensor_turn){
		.wait_ms = silence_ms < SILENCE_MIN_MS ? SILENCE_MIN_MS : silence_ms,
	};
}
