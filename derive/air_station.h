/*
 * The hourly means of one station's pollutants, from the minutes of its sensors. Pure.
 *
 * Which value is the station's where several sensors measure one pollutant: the median
 * (of two: the mean) of those of reference grade whose hour is complete; where there is
 * none, the median of the complete indicative ones. Reference grade goes first because
 * the index is defined for controlled instruments, and an optical counter that cannot
 * tell fog from dust must not move it. Among equals a median, because none of them
 * is the true one, and one that is broken does not carry it away. A sensor that says
 * nothing of the air outside is left out by configuration.
 *
 * Is an hour complete? Not by the number of readings: sensors speak every second or
 * once an hour. By its share of time: the minutes with readings, each standing for the
 * time that usually lies between two of them. An hour is (end − 1 h, end].
 */
#ifndef MUABUI_DERIVE_AIR_STATION_H
#define MUABUI_DERIVE_AIR_STATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "derive/air_hours.h"

enum {
	AIR_GAPS = 15,       /* the latest gaps between minutes, for what is usual */
	AIR_GAPS_NEEDED = 3, /* before anything is: one silence is no habit */
	AIR_BEFORE = 5,      /* hours to be taken before those that matter, to know it */
	AIR_OPEN = 3,        /* hours that may be open at a time */
	AIR_PARTS_MAX = 256, /* pollutants times sensors of one station */
	AIR_NAME_SIZE = 64,
};

enum air_role { AIR_REFERENCE, AIR_INDICATIVE, AIR_LEFT_OUT };

/* What a sensor has told of a pollutant within one hour. */
struct air_hour {
	int64_t end_ms;   /* 0: nothing */
	uint64_t minutes; /* bit m: there is something in the hour's minute m */
	double sum;
	int64_t count;
};

/* A pollutant of a sensor. */
struct air_part {
	char sensor[AIR_NAME_SIZE];
	enum air_pollutant pollutant;
	enum air_role role;
	int64_t last_ms;        /* the end of its latest minute; 0: none yet */
	uint8_t gaps[AIR_GAPS]; /* before the latest minutes, 1 to 60 minutes */
	uint8_t gap_count, gap_at;
	struct air_hour hours[AIR_OPEN];
};

/* Zeroed: nothing is known. */
struct air_station {
	struct air_part *parts;
	size_t count, capacity;
};

void air_station_free(struct air_station *station);

/*
 * The part of SENSOR and POLLUTANT; made, with ROLE, where it is not there yet. NULL when
 * memory is out or AIR_PARTS_MAX are there.
 */
struct air_part *air_station_part(struct air_station *station, const char *sensor,
	enum air_pollutant pollutant, enum air_role role);

/*
 * Adds COUNT readings with SUM of the minute that ends at MINUTE_END_MS. False: it
 * belongs to an hour for which there is no room, since AIR_OPEN others are open.
 */
bool air_part_add(
	struct air_part *part, int64_t minute_end_ms, int64_t count, double sum);

/* A station's hour of one pollutant. */
struct air_mean {
	double mean;         /* µg/m³, not below 0; NAN: no sensor is complete enough */
	double completeness; /* 0..1, of the best sensor that counts */
	bool indicative;     /* only such sensors are in MEAN */
};

/*
 * The hour of POLLUTANT that ends at END_MS, of which ELAPSED minutes have passed (60: it
 * is over). NEED: the share of it that must be there.
 */
struct air_mean air_station_mean(const struct air_station *station,
	enum air_pollutant pollutant, int64_t end_ms, int elapsed, double need);

/*
 * Is what is made of STATION indicative, also where no mean says so because its sensors
 * are silent? Not if there is one of reference grade among them.
 */
bool air_station_is_indicative(const struct air_station *station);

/* Forgets the hours that end at END_MS or before. */
void air_station_close(struct air_station *station, int64_t end_ms);

#endif
