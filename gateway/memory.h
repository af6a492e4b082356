/*
 * What the judging of a source remembers, kept in the store together with the merged
 * minutes, so that a restart is no new beginning: the tests of rate, spike and flat line
 * go on, a sensor is not taken for one that was silent, and the water of a calibration is
 * not forgotten. What came after the last merge is replayed from the reports.
 */
#ifndef MUABUI_GATEWAY_MEMORY_H
#define MUABUI_GATEWAY_MEMORY_H

#include "core/buffer.h"
#include "gateway/source.h"

/* Takes up what is kept of SOURCE, just made. 0, or -1 when the store failed. */
int memory_open(struct source *source);

/* Keeps what has changed, in the open transaction; BYTES is for use. 0 or -1. */
int memory_save(struct source *source, struct buffer *bytes);

#endif
