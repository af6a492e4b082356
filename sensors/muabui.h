/*
 * What the two payloads of format "muabui" have in common while a message is read.
 * Shared by format_muabui.c and muabui_json.c only.
 */
#ifndef MUABUI_SENSORS_MUABUI_H
#define MUABUI_SENSORS_MUABUI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/metric.h"
#include "core/reading.h"
#include "sensors/format.h"

/* One message on its way. */
struct muabui_reader {
	const struct payload_sink *sink;
	struct report *report; /* the one being read */
	size_t reports;        /* so far */
	const char *fault;     /* what is wrong, NULL: nothing yet */
};

/* Notes what is wrong, unless something was already. Always false. */
bool muabui_fail(struct muabui_reader *reader, const char *fault);

void muabui_begin(struct muabui_reader *reader);

/* Hands the report over, unless nothing in it is known. False: there were too many. */
bool muabui_finish(struct muabui_reader *reader);

bool muabui_add(struct muabui_reader *reader, const struct metric *metric, double value,
	uint8_t flag);

/* Says that NAME is not known. */
void muabui_unknown(struct muabui_reader *reader, const char *name, size_t length);

/*
 * Reads TEXT, whose first byte but blanks is '{'. The number of the report that is wrong
 * (0: what is around them), with reader->fault; SIZE_MAX: none is.
 */
size_t muabui_take_json(struct muabui_reader *reader, const char *text, size_t length);

/*
 * The station of a status message, {"state":…,"station":{"id":…}}; see struct
 * payload_format. Texts too long for their place make it say nothing.
 */
bool muabui_station(const struct payload *payload, struct station *station);

#endif
