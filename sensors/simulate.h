/*
 * `muabui simulate`: a device on a pseudo terminal, for tests, training and
 * demonstrations. What each device says stands beside its driver.
 *
 * simulate.c          the port, the cadence, and what goes wrong
 * simulate_options.c  the words of the command line
 * simulate_device.c   what is said, and what is answered; pure
 * simulate_*.c        devices whose driver's file has no room for it
 */
#ifndef MUABUI_SENSORS_SIMULATE_H
#define MUABUI_SENSORS_SIMULATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensors/recording.h"
#include "sensors/sensor.h"

enum {
	SIMULATE_FRAME_MAX = RECORDING_PIECE_MAX,
	SIMULATE_SHOWERS_MAX = 16,
	SIMULATE_FIXTURES_MAX = 64,
	SIMULATE_REGISTERS_MAX = 1024,
	SIMULATE_ROWS_MAX = 12,
	SIMULATE_QUESTION_MAX = 64,
	SIMULATE_HEARD_MAX = 512,
};

/* Rain of one strength, in data time after the start. */
struct simulate_shower {
	double mm_per_hour;
	int64_t from_ms;
	int64_t duration_ms;
};

/* A register of a Modbus slave. */
struct simulate_register {
	uint8_t unit;
	uint16_t address;
	uint16_t number;
};

/* Registers by what is written in a file. */
struct simulate_registers {
	size_t count;
	struct simulate_register items[SIMULATE_REGISTERS_MAX];
};

enum simulate_mode { SIMULATE_AS_USUAL, SIMULATE_TALKING, SIMULATE_ASKED };

struct simulate_settings {
	const struct sensor_driver *driver; /* with a simulation */
	const char *link; /* where a symbolic link to the port is kept; NULL: none */
	int64_t every_ms; /* real time between two frames of a talking device */
	const char *csv;  /* curve of PM2.5 (time,pm25); NULL: captured frames */
	double speed;     /* data time per real time */
	int64_t start_ms; /* data time at the start; 0: the curve's first time, or now */
	double corrupt;   /* share of frames with a damaged byte, 0..1 */
	double cut;       /* share of frames of which only the beginning is sent */
	double drop;      /* share of frames not sent */
	double hang_up;   /* share of frames behind which the port goes away */
	uint64_t hang_up_after; /* frames until it goes away, again and again; 0: never */
	int64_t down_ms;        /* real time it is away */
	uint64_t seed;          /* of what goes wrong and when */
	int unit_id;            /* of a Modbus device */
	enum simulate_mode mode;
	size_t shower_count;
	struct simulate_shower showers[SIMULATE_SHOWERS_MAX];
	size_t fixture_count; /* 0: what the driver's own simulation says */
	const char *fixtures[SIMULATE_FIXTURES_MAX];
	const char *register_file; /* of a Modbus slave; NULL: the rain gauge's */
	int stop_fd;               /* readable: end; -1: only SIGINT and SIGTERM end it */
};

/* --- one device: pure ------------------------------------------------------- */

/* What there is to measure in the moment. */
struct simulate_moment {
	double pm25;      /* µg/m³; NAN: as captured */
	double rain_mm;   /* fallen since the start */
	double rain_rate; /* mm/h */
};

enum simulate_effect {
	SIMULATE_NOTHING,
	SIMULATE_HUSH, /* from now on it is only asked */
	SIMULATE_TALK, /* from now on it talks by itself */
};

/*
 * A request that is always the same, and its answer; both written as a capture (see
 * hex.h). SAID NULL: the next frame; "": none.
 */
struct simulate_row {
	const char *heard; /* NULL ends a table */
	const char *said;
	enum simulate_effect effect;
};

struct simulate_device;

/* What a reply is when it is not written to the frame. */
#define SIMULATE_NEXT  SIZE_MAX       /* the next frame, as the device measures it */
#define SIMULATE_AGAIN (SIZE_MAX - 1) /* what was said last */

/* How a driver's device is played. */
struct simulation {
	const char *name; /* NULL: the driver's */
	const char *summary;
	const char *sample; /* what it says, as a capture: played in a loop */
	bool is_asked;      /* says nothing by itself */
	/* NULL, or has the captured FRAME, LENGTH bytes, follow the moment; its length.
	 */
	size_t (*follow)(const struct simulate_moment *moment, size_t length,
		uint8_t frame[static SIMULATE_FRAME_MAX]);
	const struct simulate_row *rows; /* NULL: none */
	/*
	 * NULL, or answers what no row knows: the length of the answer in FRAME,
	 * SIMULATE_NEXT, SIMULATE_AGAIN, or 0. It is asked with heard_length > 0; *USED:
	 * bytes to go on behind, at first 1; 0 where more have to come.
	 */
	size_t (*reply)(struct simulate_device *device, size_t *used,
		uint8_t frame[static SIMULATE_FRAME_MAX]);
};

struct simulate_question {
	size_t heard_length, said_length;
	uint8_t heard[SIMULATE_QUESTION_MAX];
	uint8_t said[SIMULATE_QUESTION_MAX];
};

struct simulate_device {
	const struct simulate_settings *settings;
	const struct simulation *simulation;
	struct simulate_moment now; /* the caller's to set; at first pm25 is NAN */
	bool is_talking;
	struct recording recording;
	size_t question_count; /* of the rows, in their order */
	struct simulate_question questions[SIMULATE_ROWS_MAX];
	size_t heard_length;
	uint8_t heard[SIMULATE_HEARD_MAX];
	size_t last_length;
	uint8_t last[SIMULATE_FRAME_MAX];
	bool wants_crc; /* SDI-12: of the measurement that was started */
	struct simulate_registers registers; /* of settings.register_file */
};

/*
 * SETTINGS must outlive DEVICE. 0, or -1 with the reason in WHY: a fixture cannot be
 * read. What was opened is closed in either case by simulate_device_close().
 */
int simulate_device_open(struct simulate_device *device,
	const struct simulate_settings *settings, char *why, size_t size);
void simulate_device_close(struct simulate_device *device);

/* The next frame, as the device says it by itself; its length, 0: it has nothing to say.
 */
size_t simulate_device_say(
	struct simulate_device *device, uint8_t frame[static SIMULATE_FRAME_MAX]);

/* Takes up to LENGTH bytes of what it hears, all where what is heard was answered. */
size_t simulate_device_hear(
	struct simulate_device *device, const uint8_t *bytes, size_t length);

/* The next answer to what was heard; its length, 0: there is none (yet). */
size_t simulate_device_answer(
	struct simulate_device *device, uint8_t frame[static SIMULATE_FRAME_MAX]);

/* For simulation.follow: replaces LENGTH bytes of FRAME by a line of text; its length. */
size_t simulate_line(uint8_t frame[static SIMULATE_FRAME_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Reads FILE: lines "[UNIT:]ADDRESS NUMBER [NUMBER …]", the numbers of 16 bits from
 * ADDRESS on, all of them decimal or 0x; # comments. Without a unit it is UNIT. 0, or -1
 * with "FILE:LINE: why" in WHY.
 */
int simulate_registers_load(struct simulate_registers *registers, const char *file,
	int unit, char *why, size_t size);

extern const struct simulation simulation_modbus;
extern const struct simulation simulation_nmea;
extern const struct simulation simulation_sdi12;
extern const struct simulation simulation_wxt;

/* --- the command -------------------------------------------------------------- */

/* The driver that is played, by its name or alias or its simulation's name; or NULL. */
const struct sensor_driver *simulate_find(const char *name);

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
