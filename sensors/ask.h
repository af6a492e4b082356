/* What the turns of devices that are asked by a line of text have in common. */
#ifndef MUABUI_SENSORS_ASK_H
#define MUABUI_SENSORS_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "config/option.h"
#include "sensors/sensor.h"

/* A member of such a driver's options. */
struct ask_options {
	int64_t every;   /* ms of data time between two rounds of questions */
	int64_t timeout; /* ms of real time for an answer */
};

/* The rows of struct ask_options, being MEMBER of struct TYPE, for a driver's table. */
#define ASK_OPTIONS(TYPE, MEMBER, EVERY, TIMEOUT)                                       \
	{                                                                               \
		.name = "every",                                                        \
		.type = OPTION_DURATION,                                                \
		.offset = offsetof(TYPE, MEMBER.every),                                 \
		.fallback = EVERY,                                                      \
		.min = 100,                                                             \
		.max = 24.0 * 3600 * 1000,                                              \
		.help = "How often the device is asked, or talks by itself.",           \
	},                                                                              \
	{                                                                               \
		.name = "timeout", .type = OPTION_DURATION,                             \
		.offset = offsetof(TYPE, MEMBER.timeout), .fallback = TIMEOUT,          \
		.min = 20, .max = 30 * 1000, .help = "How long to wait for an answer.", \
	}

/* A turn that asks TEXT (shorter than SENSOR_REQUEST_MAX), then pauses PAUSE_MS. */
struct sensor_turn ask_turn(const struct ask_options *options, const char *text,
	int64_t pause_ms, uint8_t request[static SENSOR_REQUEST_MAX]);

/* A turn that only listens: three times `every`, at least ten seconds, are silence. */
struct sensor_turn ask_listen(const struct ask_options *options);

#endif
