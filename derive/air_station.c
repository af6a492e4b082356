#include "derive/air_station.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t minute_ms = 60 * 1000;
static const int64_t hour_ms = 60 * 60 * 1000;

enum { HOUR_MINUTES = 60 };

void air_station_free(struct air_station *station)
{
	free(station->parts);
	*station = (struct air_station){ .count = 0 };
}

/* --- what is told ----------------------------------------------------------- */

static struct air_part *add_part(struct air_station *station)
{
	if (station->count == AIR_PARTS_MAX)
		return NULL;
	if (station->count == station->capacity) {
		size_t capacity = station->capacity ? station->capacity * 2 : 2;
		struct air_part *parts =
			realloc(station->parts, capacity * sizeof *parts);
		if (!parts)
			return NULL;
		station->parts = parts;
		station->capacity = capacity;
	}
	return &station->parts[station->count++];
}

struct air_part *air_station_part(struct air_station *station, const char *sensor,
	enum air_pollutant pollutant, enum air_role role)
{
	for (size_t i = 0; i < station->count; i++) {
		struct air_part *part = &station->parts[i];
		if (part->pollutant == pollutant && strcmp(part->sensor, sensor) == 0)
			return part;
	}
	struct air_part *part = add_part(station);
	if (!part)
		return NULL;
	*part = (struct air_part){ .pollutant = pollutant, .role = role };
	snprintf(part->sensor, sizeof part->sensor, "%s", sensor);
	return part;
}

static void note_gap(struct air_part *part, int64_t minute_end_ms)
{
	int64_t gap = (minute_end_ms - part->last_ms) / minute_ms;

	if (part->last_ms > 0 && gap <= 0)
		return;
	if (part->last_ms > 0) {
		part->gaps[part->gap_at] =
			(uint8_t)(gap < HOUR_MINUTES ? gap : HOUR_MINUTES);
		part->gap_at = (uint8_t)((part->gap_at + 1) % AIR_GAPS);
		part->gap_count += part->gap_count < AIR_GAPS;
	}
	part->last_ms = minute_end_ms;
}

static struct air_hour *find_hour(struct air_part *part, int64_t end_ms)
{
	struct air_hour *unused = NULL;

	for (size_t h = 0; h < AIR_OPEN; h++) {
		struct air_hour *hour = &part->hours[h];
		if (hour->end_ms == end_ms)
			return hour;
		if (hour->end_ms == 0 && !unused)
			unused = hour;
	}
	if (unused)
		unused->end_ms = end_ms;
	return unused;
}

bool air_part_add(struct air_part *part, int64_t minute_end_ms, int64_t count, double sum)
{
	int64_t end_ms = (minute_end_ms + hour_ms - 1) / hour_ms * hour_ms;
	struct air_hour *hour = find_hour(part, end_ms);

	if (!hour)
		return false;
	note_gap(part, minute_end_ms);
	/* The minute 10:01 is the first of the hour 11:00, 11:00 its last. */
	int64_t minute = HOUR_MINUTES - 1 - (end_ms - minute_end_ms) / minute_ms;
	hour->minutes |= UINT64_C(1) << minute;
	hour->sum += sum;
	hour->count += count;
	return true;
}

static int compare_gaps(const void *a, const void *b)
{
	return *(const uint8_t *)a - *(const uint8_t *)b;
}

/*
 * Three quarters of the gaps are not longer: of a sensor that speaks every 90 seconds
 * half the minutes are empty every other time; a few silences change nothing.
 */
/* Minutes that usually lie between two with readings; 1 while that is not known. */
static int usual_gap(const struct air_part *part)
{
	uint8_t sorted[AIR_GAPS];

	if (part->gap_count < AIR_GAPS_NEEDED)
		return 1;
	memcpy(sorted, part->gaps, part->gap_count);
	qsort(sorted, part->gap_count, 1, compare_gaps);
	return sorted[part->gap_count * 3 / 4];
}

/* --- what follows ----------------------------------------------------------- */

static const struct air_hour *look_up(const struct air_part *part, int64_t end_ms)
{
	for (size_t h = 0; h < AIR_OPEN; h++)
		if (part->hours[h].end_ms == end_ms && part->hours[h].count > 0)
			return &part->hours[h];
	return NULL;
}

static double completeness_of(
	const struct air_part *part, const struct air_hour *hour, int elapsed)
{
	int minutes = __builtin_popcountll(hour->minutes) * usual_gap(part);

	return minutes >= elapsed ? 1 : (double)minutes / elapsed;
}

static int compare_means(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof *values, compare_means);
	return count % 2 ? values[count / 2]
			 : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* The complete hours of ROLE: their means to MEANS, how many they are. */
static size_t gather(const struct air_station *station, enum air_pollutant pollutant,
	enum air_role role, int64_t end_ms, int elapsed, double need, double *means,
	double *best)
{
	size_t count = 0;

	for (size_t i = 0; i < station->count; i++) {
		const struct air_part *part = &station->parts[i];
		const struct air_hour *hour = look_up(part, end_ms);

		if (!hour || part->pollutant != pollutant || part->role != role)
			continue;
		double completeness = completeness_of(part, hour, elapsed);
		*best = fmax(*best, completeness);
		if (completeness < need)
			continue;
		double mean = hour->sum / (double)hour->count;
		/* Instruments say a little less than nothing in clean air. */
		means[count++] = mean > 0 ? mean : 0;
	}
	return count;
}

struct air_mean air_station_mean(const struct air_station *station,
	enum air_pollutant pollutant, int64_t end_ms, int elapsed, double need)
{
	static const enum air_role roles[] = { AIR_REFERENCE, AIR_INDICATIVE };
	struct air_mean mean = { .mean = NAN };
	double means[AIR_PARTS_MAX], all = 0;

	for (size_t r = 0; r < sizeof roles / sizeof *roles; r++) {
		double best = 0;
		size_t count = gather(station, pollutant, roles[r], end_ms, elapsed, need,
			means, &best);

		all = fmax(all, best);
		if (count == 0)
			continue;
		mean.mean = median(means, count);
		mean.completeness = best;
		mean.indicative = roles[r] == AIR_INDICATIVE;
		return mean;
	}
	mean.completeness = all;
	return mean;
}

bool air_station_is_indicative(const struct air_station *station)
{
	bool any = false;

	for (size_t i = 0; i < station->count; i++) {
		if (station->parts[i].role == AIR_REFERENCE)
			return false;
		any |= station->parts[i].role == AIR_INDICATIVE;
	}
	return any;
}

void air_station_close(struct air_station *station, int64_t end_ms)
{
	for (size_t i = 0; i < station->count; i++)
		for (size_t h = 0; h < AIR_OPEN; h++)
			if (station->parts[i].hours[h].end_ms <= end_ms)
				station->parts[i].hours[h] = (struct air_hour){ 0 };
}
