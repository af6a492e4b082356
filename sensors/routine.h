/*
 * The life of a device that is set up, asked, and put to sleep: what its turns
 * (sensor_driver.turn) have in common. A driver fills in its commands; the
 * order, the repetitions and the pauses are here. Pure.
 *
 *   opened ─▶ set up ─▶ read, read, read …        after MISSES_MAX in a row: again from
 *                                                 the waking, or the setting up
 *   with a duty cycle:
 *   wake ─▶ set up ─▶ warm up ─▶ read ─▶ sleep ─▶ wake …
 */
#ifndef MUABUI_SENSORS_ROUTINE_H
#define MUABUI_SENSORS_ROUTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensors/sensor.h"

enum {
	ROUTINE_SETUP_MAX = 3,
	ROUTINE_COMMAND_MAX = 24,
	ROUTINE_MISSES_MAX = 3,   /* unanswered questions in a row */
	ROUTINE_WAKE_MS = 1000,   /* from waking to the first command */
	ROUTINE_SETTLE_MS = 2000, /* what comes so long after "sleep" is no longer sent */
};

struct routine_command {
	uint8_t length; /* 0: there is no such command */
	bool is_answered;
	uint8_t bytes[ROUTINE_COMMAND_MAX];
};

struct routine {
	struct routine_command setup[ROUTINE_SETUP_MAX]; /* in this order, none empty */
	size_t setup_count;
	struct routine_command ask;   /* length 0: the device talks by itself */
	struct routine_command check; /* now and then in the place of ask; may be empty */
	unsigned check_every;         /* questions */
	int64_t answer_ms;  /* real time for an answer, or a talking one's frame */
	int64_t every_ms;   /* data time between two questions */
	int64_t opening_ms; /* warm-up after the port was opened, data time */
	struct routine_command wake,
		sleep;     /* may be empty where there is no duty cycle */
	int64_t warmup_ms; /* after waking */
	int64_t duty_ms;   /* from waking to waking; 0: always awake */
};

/* sensor_driver.session_size is the size of this. */
struct routine_session {
	uint8_t phase;
	uint8_t step;     /* of the setting up */
	uint8_t tries;    /* of this command */
	uint8_t misses;   /* in a row */
	uint8_t readings; /* questions since waking */
	bool is_sent;     /* the phase's command was sent before */
	uint16_t asked;   /* questions, for check_every */
};

/* One turn of a device that lives by ROUTINE; the other arguments as the driver gets
 * them. */
struct sensor_turn routine_turn(const struct routine *routine, void *session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX]);

/* Fills COMMAND with the LENGTH bytes at BYTES. */
void routine_command_set(struct routine_command *command, const uint8_t *bytes,
	size_t length, bool is_answered);

#endif
