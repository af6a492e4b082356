/*
 * Finds frames in a stream of bytes and resynchronises by going on ONE byte
 * after a failed start, so that nothing good is lost behind something bad.
 * Pure: no I/O, no clock. The live stream, `muabui decode`, the fixtures and
 * the fuzzers all run it.
 */
#ifndef MUABUI_SENSORS_FRAMER_H
#define MUABUI_SENSORS_FRAMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/reading.h"
#include "sensors/sensor.h"

enum {
	FRAMER_SIZE = 2048,
	FRAMER_FRAME_MAX = 512, /* the longest frame a driver may have */
};

/* The two functions of a driver that a stream needs. */
struct framer_code {
	ssize_t (*frame)(const uint8_t *bytes, size_t length);
	enum sensor_result (*decode)(const void *options, const uint8_t *frame,
		size_t length, struct report *report);
	const void *options;
	size_t frame_max; /* 1..FRAMER_FRAME_MAX */
	bool by_line;     /* see sensor_driver.by_line */
};

struct framer {
	struct framer_code code;
	uint64_t skipped;     /* bytes so far that belong to no frame */
	const uint8_t *frame; /* what framer_next() told of; valid until framer_put() */
	size_t frame_length;
	/* private */
	size_t start, end; /* unread bytes are bytes[start..end) */
	size_t suspect;    /* bytes ahead that belong to a failure already told */
	size_t junk;       /* skipped since something was told */
	bool after_frame;  /* the byte before start is the last one of a good frame */
	bool is_shared;    /* the byte at start is that byte, tried once more */
	bool in_line; /* by line: until its end, all belongs to a line that is lost */
	bool closing;
	uint8_t bytes[FRAMER_SIZE];
};

void framer_init(struct framer *framer, const struct framer_code *code);

/* The code of DRIVER, which must have a frame function. */
struct framer_code framer_code_of(
	const struct sensor_driver *driver, const void *options);

/* Takes up to LENGTH bytes, returns how many; at least one after framer_next() is false.
 */
size_t framer_put(struct framer *framer, const uint8_t *bytes, size_t length);

/*
 * Tells of the next frame, good or bad: true with RESULT, and REPORT's readings when
 * that is SENSOR_OK (time, station and sensor are left alone). False: more bytes are
 * needed. A damaged stretch is told once, however many starts are tried in it.
 * SENSOR_BAD_SYNC without a frame stands for a long stretch of junk.
 */
bool framer_next(
	struct framer *framer, struct report *report, enum sensor_result *result);

/*
 * No byte came for so long that what is there cannot be the head of a frame (or the
 * input ended): the following framer_next() tell what is left of it, and empty it.
 */
void framer_expire(struct framer *framer);

/* What comes now begins within a line: where frames are lines, it is passed over. */
void framer_lose_line(struct framer *framer);

/* What comes now begins a line, whatever came before. */
void framer_begin_line(struct framer *framer);

/* Is the head of a possible frame waiting for its rest? */
bool framer_is_pending(const struct framer *framer);

#endif
