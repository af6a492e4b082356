/*
 * What the Plantower PMS models have in common: frame, sum, dust fields,
 * commands. What differs is a row of struct plantower_model, beside each
 * model's byte map in its own file: frames of one length look the same from
 * outside, so the model is what the user says it is.
 *
 *   9600 8N1, 3.3 V levels, 5 V supply. Big endian.
 *
 *   0  42 4D   header
 *   2  length of what follows, checksum included
 *   4  PM1     µg/m³, "CF=1": calibrated with industrial particles
 *   6  PM2.5
 *   8  PM10
 *  10  PM1     µg/m³, atmospheric: what is meant outdoors; equal to CF=1 in
 *  12  PM2.5   cleaner air, lower above about 30 µg/m³
 *  14  PM10
 *  16  the model's own: particle counts and more
 *  -2  sum of all bytes before
 *
 * In clean air the checksum's low byte is 42, and the wire shows 42 42 4D: only a
 * search that goes on one byte after a failed start gets in step. With all
 * fields zero the device is starting; clean air has particles > 0.3 µm.
 *
 * Commands (not the PMS3003), answered by 42 4D 00 04 cmd data sum16 but for
 * "wake", which has no answer:
 *
 *   42 4D E1 00 00 01 70   passive      42 4D E1 00 01 01 71   active
 *   42 4D E2 00 00 01 71   read         42 4D E4 00 00 01 73   sleep
 *   42 4D E4 00 01 01 74   wake: active again, good values after 30 s
 */
#ifndef MUABUI_SENSORS_PLANTOWER_H
#define MUABUI_SENSORS_PLANTOWER_H

#include "core/metric.h"
#include "sensors/routine.h"
#include "sensors/serial.h"
#include "sensors/simulate.h"

enum {
	PLANTOWER_HEAD_SIZE = 4,
	PLANTOWER_ACK_SIZE = 8,
	PLANTOWER_FRAME_MAX = 40,
};

/* Offsets in the frame; 0: the model has no such field. */
struct plantower_model {
	size_t size;       /* of a data frame */
	size_t counts_end; /* 0.3 µm counts begin at 16; 0: none */
	size_t error;      /* one byte */
	size_t ch2o;       /* µg/m³ */
	size_t climate;    /* temperature (0.1 °C, signed), humidity (0.1 %) */
	size_t version;    /* one byte, of which not_version says "another model" */
	uint8_t not_version;
	bool takes_commands;
};

enum plantower_mode { PLANTOWER_ACTIVE, PLANTOWER_PASSIVE };

struct plantower_options {
	struct serial_options serial; /* first: see stream.h */
	int pm;                       /* atmospheric, cf1 */
	int mode;                     /* enum plantower_mode */
	int64_t every;
	int64_t duty;
	int64_t warmup;
};

extern const char *const plantower_pm_names[];
extern const char *const plantower_mode_names[];

/* Two rows groups for a model's table: what all have, and what commands make possible. */
#define PLANTOWER_OPTIONS                                                       \
	SERIAL_OPTIONS(struct plantower_options, serial, "9600", "none"),       \
	{                                                                       \
		.name = "pm", .type = OPTION_CHOICE,                            \
		.offset = offsetof(struct plantower_options, pm),               \
		.fallback = "atmospheric", .choices = plantower_pm_names,       \
		.help = "Which of the device's two calibrations is published.", \
	}

#define PLANTOWER_COMMAND_OPTIONS                                                        \
	{                                                                                \
		.name = "mode",                                                          \
		.type = OPTION_CHOICE,                                                   \
		.offset = offsetof(struct plantower_options, mode),                      \
		.fallback = "active",                                                    \
		.choices = plantower_mode_names,                                         \
		.help = "Active: it talks by itself. Passive: it is asked.",             \
	},                                                                               \
		{                                                                        \
			.name = "every",                                                 \
			.type = OPTION_DURATION,                                         \
			.offset = offsetof(struct plantower_options, every),             \
			.fallback = "10s",                                               \
			.min = 1000,                                                     \
			.max = 3600 * 1000,                                              \
			.help = "How often a passive device is asked.",                  \
		},                                                                       \
		{                                                                        \
			.name = "duty",                                                  \
			.type = OPTION_DURATION,                                         \
			.offset = offsetof(struct plantower_options, duty),              \
			.fallback = "0s",                                                \
			.min = 60 * 1000,                                                \
			.max = 24.0 * 3600 * 1000,                                       \
			.help = "Wake it so often for one reading, to spare the laser; " \
				"0: always on.",                                         \
		},                                                                       \
	{                                                                                \
		.name = "warmup", .type = OPTION_DURATION,                               \
		.offset = offsetof(struct plantower_options, warmup), .fallback = "30s", \
		.min = 1000, .max = 600 * 1000,                                          \
		.help = "After waking, values do not count for so long.",                \
	}

/* option_group.check of all models: duty must leave time to sleep. */
void plantower_check(const void *values, const struct config_place *place);

/* sensor_driver.frame, decode and turn, of MODEL; OPTIONS is a struct plantower_options.
 */
ssize_t plantower_frame(
	const struct plantower_model *model, const uint8_t *bytes, size_t length);
enum sensor_result plantower_decode(const struct plantower_model *model,
	const void *options, const uint8_t *frame, size_t length, struct report *report);
struct sensor_turn plantower_turn(const void *options, void *session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX]);

/* For their simulations: the dust of the moment, PM1 and PM10 following PM2.5. */
size_t plantower_follow(const struct simulate_moment *moment, size_t length,
	uint8_t frame[static SIMULATE_FRAME_MAX]);
extern const struct simulate_row plantower_rows[];

#endif
