/*
 * Drivers of talking and asked devices, all listening to the same bytes: which of them
 * understands? Pure.
 */
#ifndef MUABUI_SENSORS_CANDIDATES_H
#define MUABUI_SENSORS_CANDIDATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensors/framer.h"
#include "sensors/sensor.h"

struct candidate {
	const struct sensor_driver *driver; /* NULL: the end of the list */
	struct framer framer;
	unsigned good; /* frames of its device */
};

/* All drivers of a stream bus. To be given to free(); NULL: no memory. */
struct candidate *candidates_make(void);

/* Has CANDIDATE take what came. REQUEST's echo (length 0: nothing was asked) is no frame.
 */
void candidate_feed(struct candidate *candidate, const uint8_t *bytes, size_t length,
	const uint8_t *request, size_t request_length);

/* Has one of them had two frames, other than one that takes any line? */
bool candidates_understand(const struct candidate *candidates);

/* Does DRIVER take any line of text? */
bool candidate_is_catch_all(const struct sensor_driver *driver);

/* The speed in the table of DRIVER's options; 0: it has none. */
int candidate_baud(const struct sensor_driver *driver);

#endif
