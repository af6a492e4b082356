#include "sensors/curve.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/number.h"

enum {
	POINTS_MAX = 100000,
	LINE_MAX_SIZE = 256,
};

enum line_kind { LINE_POINT, LINE_GAP, LINE_WRONG };

static enum line_kind read_line(char *line, struct curve_point *point)
{
	char *comma = strchr(line, ',');
	size_t length;

	if (comma == NULL)
		return LINE_WRONG;
	*comma = '\0';
	length = strcspn(comma + 1, ",\r\n");
	if (!clock_parse(line, &point->time_ms))
		return LINE_WRONG;
	if (length == 0)
		return LINE_GAP;
	return number_parse(comma + 1, length, &point->value) ? LINE_POINT : LINE_WRONG;
}

static int add_point(
	struct curve *curve, size_t *capacity, const struct curve_point *point)
{
	if (curve->count == *capacity) {
		size_t larger = *capacity > 0 ? *capacity * 2 : 512;
		struct curve_point *points;

		if (larger > POINTS_MAX)
			return -1;
		points = realloc(curve->points, larger * sizeof(*points));
		if (points == NULL)
			return -1;
		curve->points = points;
		*capacity = larger;
	}
	curve->points[curve->count++] = *point;
	return 0;
}

/* What is wrong with the line, or NULL. */
static const char *take_line(
	struct curve *curve, size_t *capacity, char *line, size_t number)
{
	struct curve_point point;

	if (number == 1 && strncmp(line, "time,", 5) == 0)
		return NULL;
	switch (read_line(line, &point)) {
	case LINE_GAP:
		return NULL;
	case LINE_WRONG:
		return "expected an RFC 3339 time, a comma and a number";
	case LINE_POINT:
		break;
	}
	if (curve->count > 0 && point.time_ms <= curve->points[curve->count - 1].time_ms)
		return "the times must rise";
	return add_point(curve, capacity, &point) != 0 ? "too many lines" : NULL;
}

int curve_load(struct curve *curve, const char *file, char *why, size_t size)
{
	char line[LINE_MAX_SIZE];
	const char *wrong = NULL;
	size_t capacity = 0;
	size_t number = 0;
	FILE *stream = fopen(file, "re");

	*curve = (struct curve){ 0 };
	if (stream == NULL) {
		snprintf(why, size, "%s: %s", file, strerror(errno));
		return -1;
	}
	while (wrong == NULL && fgets(line, sizeof(line), stream) != NULL)
		wrong = take_line(curve, &capacity, line, ++number);
	fclose(stream);
	if (wrong == NULL && curve->count == 0)
		wrong = "no values";
	if (wrong != NULL) {
		snprintf(why, size, "%s:%zu: %s", file, number, wrong);
		curve_free(curve);
		return -1;
	}
	return 0;
}

void curve_free(struct curve *curve)
{
	free(curve->points);
	*curve = (struct curve){ 0 };
}

double curve_at(const struct curve *curve, int64_t time_ms)
{
	const struct curve_point *points = curve->points;
	int64_t span;
	size_t low = 0;
	size_t high = curve->count - 1;

	if (curve->count == 0)
		return NAN;
	span = points[high].time_ms - points[0].time_ms;
	if (span == 0)
		return points[0].value;
	time_ms = (time_ms - points[0].time_ms) % span;
	time_ms += points[0].time_ms + (time_ms < 0 ? span : 0);
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (points[middle].time_ms <= time_ms)
			low = middle;
		else
			high = middle;
	}
	return points[low].value +
		(points[high].value - points[low].value) *
		(double)(time_ms - points[low].time_ms) /
		(double)(points[high].time_ms - points[low].time_ms);
}
