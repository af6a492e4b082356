/*
 * The thread of a device that talks by itself on a serial line: opens, reads,
 * frames, decodes, hands over, and opens again after unplugging.
 */
#ifndef MUABUI_SENSORS_STREAM_H
#define MUABUI_SENSORS_STREAM_H

#include "sensors/sensor.h"

struct stream;

/*
 * SENSOR's options must begin with struct serial_options, and SENSOR must outlive the
 * stream. An absent port is no failure. NULL when there is no memory or no thread.
 */
struct stream *stream_start(struct sensor *sensor);

/* Joins the thread at once, whatever it waits for. Accepts NULL. */
void stream_stop(struct stream *stream);

#endif
