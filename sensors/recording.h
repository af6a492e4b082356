/*
 * What a device has said: captured frames, one behind the other, to be played again.
 */
#ifndef MUABUI_SENSORS_RECORDING_H
#define MUABUI_SENSORS_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensors/framer.h"
#include "sensors/sensor.h"

enum { RECORDING_PIECE_MAX = FRAMER_FRAME_MAX };

struct recording {
	uint8_t *bytes;
	size_t length;
	size_t *ends; /* of the pieces */
	size_t count;
	size_t next; /* piece */
};

/*
 * Appends a capture, cut into pieces where the frames of DRIVER begin; junk between them
 * and what is no frame are pieces too. CAPTURE is hex text (see hex.h), or the bytes as
 * they came. 0, or -1 with the reason in WHY.
 */
int recording_add(struct recording *recording, const struct sensor_driver *driver,
	const uint8_t *capture, size_t length, char *why, size_t size);

/* The same of a FILE, up to a mebibyte. */
int recording_load(struct recording *recording, const struct sensor_driver *driver,
	const char *file, char *why, size_t size);

/* Copies the next piece, after the last one the first; its length, 0: there is none. */
size_t recording_next(
	struct recording *recording, uint8_t piece[static RECORDING_PIECE_MAX]);

/*
 * The same with the next piece that FITS; 0: none does. ARG is what FITS is given.
 */
size_t recording_find(struct recording *recording,
	bool (*fits)(const uint8_t *piece, size_t length, const void *arg),
	const void *arg, uint8_t piece[static RECORDING_PIECE_MAX]);

/* Gives the memory back; an empty one is all zero. */
void recording_free(struct recording *recording);

#endif
