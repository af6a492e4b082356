/*
 * What InfluxDB 1, 2, 3 and those that speak its protocol say when they do not take a
 * batch: which lines, or how many. No I/O. The table is in docs/outputs.md.
 */
#ifndef MUABUI_OUTPUTS_INFLUX_ANSWER_H
#define MUABUI_OUTPUTS_INFLUX_ANSWER_H

#include <stddef.h>

#include "core/answer.h"
#include "core/buffer.h"

/*
 * Completes ANSWER, as the HTTP client made it, by the answer's body TEXT. LINES is how
 * many were sent; lines beyond that are not believed.
 */
void influx_answer_read(const struct buffer *text, size_t lines, struct answer *answer);

#endif
