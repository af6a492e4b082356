/* A recorded course of PM2.5, to be followed by the simulators. */
#ifndef MUABUI_SENSORS_CURVE_H
#define MUABUI_SENSORS_CURVE_H

#include <stddef.h>
#include <stdint.h>

struct curve {
	size_t count;
	struct curve_point {
		int64_t time_ms;
		double value;
	} * points; /* in order of time */
};

/*
 * Reads FILE: a line "time,pm25", then RFC 3339 times and µg/m³; lines without a value
 * are gaps, bridged. 0, or -1 with "FILE:LINE: why" in WHY.
 */
int curve_load(struct curve *curve, const char *file, char *why, size_t size);
void curve_free(struct curve *curve);

/* The value at TIME_MS, between two points on the straight line; before and after: again.
 */
double curve_at(const struct curve *curve, int64_t time_ms);

#endif
