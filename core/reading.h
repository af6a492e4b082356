/*
 * The one thing that travels through the gateway: a report, that is, the
 * readings one sensor took at one time. Copied by value, no pointers inside,
 * so that it may lie in the ring, in a row or on a stack.
 */
#ifndef MUABUI_CORE_READING_H
#define MUABUI_CORE_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* QARTOD flags. They mark a value, they never remove it. */
enum flag {
	FLAG_GOOD = 1,
	FLAG_NOT_EVALUATED = 2,
	FLAG_SUSPECT = 3,
	FLAG_FAIL = 4,
	FLAG_MISSING = 9,
};

/* What the instrument says of itself; the codes of TT 10/2021. */
enum instrument_status {
	STATUS_MEASURING = 0,
	STATUS_CALIBRATING = 1,
	STATUS_FAULT = 2,
};

/* What has to be known about a whole report. Kept in files: never renumber. */
enum report_mark {
	REPORT_RETAINED = 1 << 0,    /* an MQTT broker's retained copy: of unknown age */
	REPORT_BACKFILLED = 1 << 1,  /* arrived late, out of somebody's buffer */
	REPORT_CLOCK_UNSET = 1 << 2, /* time_ms was taken before the clock was right */
	REPORT_DEVICE_TIME = 1 << 3, /* time_ms is the device's own, not of receipt */
	REPORT_AFTER_LOSS = 1 << 4,  /* an answer before it was lost, and what it told */
	REPORT_RECONNECTED = 1 << 5, /* the first since the sensor's port was lost */
	REPORT_RELAYED = 1 << 6,     /* judged by the gateway it came from, with all that
					follows from it in it already */
	REPORT_REVISED = 1 << 7,     /* takes the place of one of the same time */
	REPORT_INDICATIVE = 1 << 8,  /* made of what low-cost sensors say */
};

/* The sensor that stands for what the gateway makes of a station's hours. */
#define INDEX_SENSOR "index"

enum {
	READINGS_MAX = 48, /* readings in one report */
	NAME_SIZE = 64,    /* station and sensor names, with their NUL */
};

struct reading {
	double value;    /* in the metric's canonical unit, corrected */
	double raw;      /* as the sensor said it; equals value where nothing corrects */
	uint16_t metric; /* id of core/metric.h */
	uint8_t flag;    /* enum flag */
	/* What made value of raw: an id of store/calibrations.h; 0: nothing did. */
	uint32_t calibration;
};

struct report {
	int64_t time_ms; /* UTC, milliseconds since 1970 */
	int64_t mono_ms; /* clock_mono_ms() at receipt */
	uint16_t marks;  /* enum report_mark, or-ed */
	uint8_t status;  /* enum instrument_status */
	uint8_t count;   /* readings in use */
	char station[NAME_SIZE];
	char sensor[NAME_SIZE];
	struct reading readings[READINGS_MAX]; /* only the first count are initialised */
};

/* Empties REPORT. Leaves the unused readings uninitialised: this runs per message. */
void report_init(struct report *report);

/* Appends VALUE of METRIC, not yet evaluated; false when the report is full. */
bool report_add(struct report *report, uint16_t metric, double value);

/* The reading of METRIC in REPORT, or NULL; as writable as REPORT is (as strchr()). */
struct reading *report_find(const struct report *report, uint16_t metric);

/* May this reading enter indices, sums and rules? (DESIGN §3: flags 1-3, status 0.) */
bool reading_is_usable(const struct report *report, const struct reading *reading);

/*
 * May REPORT's time be shown to the world? Not where it was taken before the clock was
 * right, nor where clock_is_possible() says no. Sent, alerted, shown as the present and
 * remembered as the newest is only what has passed here.
 */
bool report_time_is_possible(const struct report *report);

/*
 * Is TEXT a station or sensor name: 1..63 bytes of printable UTF-8 without
 * control characters, '/' '+' '#' (they would break an MQTT topic), and no '\' at its end
 * (line protocol cannot say that)?
 */
bool name_is_valid(const char *text, size_t length);

#endif
