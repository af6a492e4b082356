/* The status as people read it in a terminal. */
#ifndef MUABUI_WEB_STATUS_TEXT_H
#define MUABUI_WEB_STATUS_TEXT_H

#include <stdbool.h>

#include "core/buffer.h"

struct cJSON;

/*
 * Appends the status of view_status_json() as a compact text; lines about what is
 * wrong begin with '!', and the last line counts them. False when JSON is no status.
 */
bool status_text(const char *json, struct buffer *out);

/* Appends a row of view_put_calibrations(): "pm25: gain 0.95; 2026-10-02 by …". */
void status_put_calibration(struct buffer *out, const struct cJSON *row);

/* What to look at first where a sensor is in STATE ("timeout", …); NULL: nothing. */
const char *status_hint(const char *state);

#endif
