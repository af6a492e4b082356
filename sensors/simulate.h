/*
 * `muabui simulate`: a device on a pseudo terminal, for tests, training and
 * demonstrations. What each device says stands beside its driver.
 */
#ifndef MUABUI_SENSORS_SIMULATE_H
#define MUABUI_SENSORS_SIMULATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensors/rtu.h"

enum {
	SIMULATE_FRAME_MAX = 96,
	SIMULATE_SHOWERS_MAX = 16,
};

/* Rain of one strength, in data time after the start. */
struct simulate_shower {
	double mm_per_hour;
	int64_t from_ms;
	int64_t duration_ms;
};

struct simulate_settings {
	const struct simulation *simulation;
	const char *link; /* where a symbolic link to the port is kept; NULL: none */
	int64_t every_ms; /* real time between two frames of a talking device */
	const char *csv;  /* curve of PM2.5 (time,pm25); NULL: captured frames */
	double speed;     /* data time per real time */
	int64_t start_ms; /* data time at the start; 0: the curve's first time, or now */
	double corrupt;   /* share of frames with a damaged byte, 0..1 */
	double drop;      /* share of frames not sent, 0..1 */
	uint64_t
		hang_up_after; /* frames until the port goes away; 0: never; then again */
	int64_t down_ms;       /* real time it is away */
	int unit_id;           /* of a Modbus device */
	size_t shower_count;
	struct simulate_shower showers[SIMULATE_SHOWERS_MAX];
	int stop_fd; /* readable: end; -1: only SIGINT and SIGTERM end it */
};

/* One device. Exactly one of the functions is there. */
struct simulation {
	const char *name;
	const char *summary;
	/* Makes the frame for a dust of PM25 µg/m³ (NAN: the captured one); its length.
	 */
	size_t (*frame)(double pm25, uint8_t frame[static SIMULATE_FRAME_MAX]);
	/* Answers a Modbus request, ELAPSED_MS of data time after the start; 0: silence.
	 */
	size_t (*answer)(const struct simulate_settings *settings, int64_t elapsed_ms,
		const uint8_t request[static RTU_REQUEST_SIZE],
		uint8_t response[static RTU_MAX]);
	/*
	 * Answers another request at the start of HEARD, LENGTH > 0 bytes: the length of
	 * the answer, or 0. *USED: bytes to go on behind; 0 where more have to come.
	 */
	size_t (*reply)(double pm25, const uint8_t *heard, size_t length, size_t *used,
		uint8_t frame[static SIMULATE_FRAME_MAX]);
};

/* A rain gauge: register 0 counts tenths of a millimetre. */
extern const struct simulation simulation_rain;

/* The simulation of a driver, by the driver's name or alias or its own name; or NULL. */
const struct simulation *simulate_find(const char *name);

/* The options, one per line, for people. */
extern const char simulate_usage[];

/*
 * Reads "NAME --option value …" (without the word simulate) into SETTINGS, which point
 * into ARGV. False with the reason in WHY.
 */
bool simulate_parse(int argc, char *const *argv, struct simulate_settings *settings,
	char *why, size_t size);

/*
 * Plays until SIGINT or SIGTERM, which it blocks in this thread and takes itself, or
 * stop_fd. READY (may be NULL) is told the port's name once it can be opened. Sets the
 * data clock when a speed or a start is given. 0, or -1 with the reason in WHY.
 */
int simulate_run(const struct simulate_settings *settings,
	void (*ready)(const char *port), char *why, size_t size);

#endif
