/*
 * A source: one station's sensor, as the pipeline knows it. Shared by the files of the
 * pipeline only.
 */
#ifndef MUABUI_GATEWAY_SOURCE_H
#define MUABUI_GATEWAY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/calibration.h"
#include "config/quality.h"
#include "config/rain.h"
#include "core/reading.h"
#include "derive/quality.h"
#include "store/aggregates.h"
#include "store/calibrating.h"
#include "store/store.h"

enum { SOURCE_MINUTES = 2 }; /* open minutes a series can hold: this one and the last */

struct gauge;

struct series {
	uint16_t metric;
	bool has_limits; /* looked up; NULL below: the metric's range */
	const struct quality_config *limits;          /* of the configuration */
	struct quality_state *quality;                /* where there are limits */
	const struct calibration_config *calibration; /* NULL: none */
	uint32_t calibration_number;                  /* in the store; 0: not there */
	struct reading newest;                        /* as judged */
	int64_t newest_ms;                            /* its time; 0: none yet */
	struct accumulator minutes[SOURCE_MINUTES];
	int64_t unmade_ms; /* its newest minute in the store without an hour; 0: none */
};

/* How a sensor's readings are treated; zeroed: as they come. */
struct treatment {
	struct option_list quality;            /* struct quality_config */
	struct option_list common_quality;     /* the gateway's own rows */
	struct option_list calibration;        /* struct calibration_config */
	int64_t settle, settle_after;          /* ms; see quality_settles() */
	const struct calibrating *calibrating; /* NULL: nobody can calibrate */
	const struct rain_config *rain;        /* NULL: rain_defaults */
	double rain_modulus; /* mm at which its driver says that its counter starts
				again; 0: unknown */
};

struct source {
	struct source *next, *next_station; /* in their buckets (gateway/sources.h) */
	struct source *neighbour; /* the next of the same station, in a circle */
	struct store *store;      /* NULL: nothing is kept */
	struct treatment treatment;
	int64_t id;
	size_t slot;
	uint64_t hash;
	char station[NAME_SIZE];
	char sensor[NAME_SIZE];
	struct series *series;
	size_t count, capacity;
	int64_t newest_minute_ms; /* the minute counted into last */
	int64_t last_ms;          /* time of its last report */
	bool has_own_clock;       /* its last report's time was the device's own */
	bool is_index;            /* it is what a gateway has made of a station's hours */
	bool met_air;             /* source_meets_air() has said so */
	bool is_relayed;          /* another gateway makes its station's index */
	bool relayed_kept;        /* as it is in the store */
	struct gauge *gauge;      /* gateway/gauge.h; NULL: no rain was seen here */
	struct quality_settling settling; /* by the reports judged */
	bool was_calibrated;              /* since the latest reading of rain */
	bool corrects;                    /* a series has a calibration */
	bool heeds_humidity;              /* a series has a humidity_max */
	bool remembers; /* there is something for gateway/memory.h to keep */
	bool dirty;     /* and it has changed since it was kept */
};

/*
 * The series of METRIC, made at first sight. HINT: where it is likely to be, since a
 * sensor's reports look alike. NULL when memory is out.
 */
struct series *source_series(struct source *source, uint16_t metric, size_t hint);

/* The series of METRIC, or NULL where SOURCE has not said such a thing yet. */
struct series *source_find_series(const struct source *source, uint16_t metric);

/* Accepts NULL. */
void source_free(struct source *source);

#endif
