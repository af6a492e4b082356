/*
 * What an index is computed from: the hourly means of one place, in µg/m³, the newest
 * first. Hours are labelled by their end.
 */
#ifndef MUABUI_DERIVE_AIR_HOURS_H
#define MUABUI_DERIVE_AIR_HOURS_H

#include <stddef.h>
#include <stdint.h>

enum air_pollutant {
	AIR_PM25,
	AIR_PM10,
	AIR_O3,
	AIR_NO2,
	AIR_SO2,
	AIR_CO,
	AIR_POLLUTANTS,
};

/* 24 hours of a day, and the 7 before it that its first 8-hour mean reaches into. */
enum { AIR_HOURS = 31 };

/* Zeroed is clean air; air_hours_clear() makes it empty. */
struct air_hours {
	int64_t end_ms;                          /* of the newest hour */
	double means[AIR_POLLUTANTS][AIR_HOURS]; /* [0] is the newest; NAN: missing */
};

/* What an index says of one hour or day. */
struct air_index {
	int index;                    /* -1: the rules give none */
	enum air_pollutant pollutant; /* whose sub-index it is, where there is an index */
	int parts[AIR_POLLUTANTS];    /* sub-indices, -1: none */
	double pm25, pm10; /* the NowCast or mean they are made of, µg/m³; NAN: none */
};

/* "pm25", …; the names of core/metric.h. */
extern const char *const air_pollutant_names[AIR_POLLUTANTS];

void air_hours_clear(struct air_hours *hours);

/*
 * Makes the hour that ends at END_MS the newest: what is older moves back, hours that
 * were skipped are missing. END_MS must be a whole number of hours after the newest.
 */
void air_hours_advance(struct air_hours *hours, int64_t end_ms);

/* No index, no parts. */
void air_index_clear(struct air_index *index);

/* Takes the largest part as the index; of equal ones the first pollutant. */
void air_index_take_worst(struct air_index *index);

#endif
