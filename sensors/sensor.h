/*
 * The driver interface. One file per device, one const struct at its end, one
 * line in sensors/registry.c.
 *
 * A driver never opens, sleeps, retries, allocates or logs: buses do. Its
 * decode function is pure, so that the live gateway, `muabui decode`, the
 * fixtures and the fuzzers all run the same code.
 */
#ifndef MUABUI_SENSORS_SENSOR_H
#define MUABUI_SENSORS_SENSOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/calibration.h"
#include "config/option.h"
#include "config/quality.h"
#include "config/rain.h"
#include "core/reading.h"

struct directory;
struct ring;

/* What became of some bytes. Each but OK is counted by this name per sensor. */
enum sensor_result {
	SENSOR_OK,
	SENSOR_IGNORED,    /* well-formed but no data: a command's acknowledgement */
	SENSOR_WARMING_UP, /* well-formed, the device is not ready yet */
	SENSOR_BAD_LENGTH,
	SENSOR_BAD_SYNC, /* header, tail, address or function not what it must be */
	SENSOR_BAD_CHECKSUM,
	SENSOR_BAD_VALUE,     /* inconsistent, not a number, infinite, absurd */
	SENSOR_BAD_ENCODING,  /* not UTF-8 */
	SENSOR_BAD_SYNTAX,    /* not JSON, not the promised format */
	SENSOR_MISSING_FIELD, /* the format is right, a configured field is not there */
	SENSOR_TOO_LARGE,
	SENSOR_BAD_TOPIC,    /* station or sensor cannot be taken from the topic */
	SENSOR_DEVICE_ERROR, /* the device says no: Modbus exception, error byte */
	SENSOR_TIMEOUT,      /* no answer */
	SENSOR_PORT_ERROR,   /* the port or connection is gone */
	SENSOR_OFFLINE,      /* a device's last will, or its own word, says it is away */
	SENSOR_RESULT_COUNT,
};

/* "checksum", "length", "timeout", …: the names users see in status and decode. */
const char *sensor_result_name(enum sensor_result result);

/* How bytes reach a driver; each bus is one file that opens, waits and retries. */
enum sensor_bus {
	SENSOR_BUS_STREAM, /* one device on a serial line, talking or asked (stream.c) */
	SENSOR_BUS_MODBUS, /* registers are asked for over RTU or TCP (modbus_bus.c) */
	SENSOR_BUS_SDI12,  /* measurements are started and fetched (sdi12_bus.c) */
	SENSOR_BUS_MQTT,   /* messages from a broker (mqtt.c) */
	SENSOR_BUS_HTTP,   /* requests from the senders themselves (http.c) */
};

enum { SENSOR_REQUEST_MAX = 64 };

/* What a device that has to be asked, or set up, is told next. */
struct sensor_turn {
	size_t length;     /* bytes of the request; 0: nothing is sent */
	int64_t wait_ms;   /* real time for an answer; 0: none is expected */
	int64_t pause_ms;  /* data time until the next turn, after the answer or its
			      absence */
	int64_t warmup_ms; /* data time from now on in which what would be SENSOR_OK is
			      SENSOR_WARMING_UP: the device was switched on or woken; 0:
			      as before */
};

/* What `muabui probe` may do to find this device. NULL: nothing, or nothing to add. */
struct sensor_probe {
	/*
	 * A request, written as a capture (see hex.h), that only reads, and may reach any
	 * device on any line without harm.
	 */
	const char *ask;
	const char *asked;   /* options of a device that answered it */
	const char *talking; /* options of a device that talks by itself */
};

struct sensor_driver {
	struct option_kind kind; /* name, aliases, summary, own options */
	enum sensor_bus bus;
	/*
	 * Looks for a frame at the start of BYTES: its length, 0 if more bytes are needed
	 * to tell, -1 if no frame starts here (the caller goes on one byte later). Must
	 * not return more than FRAME_MAX. NULL where the bus delivers whole messages.
	 */
	ssize_t (*frame)(const uint8_t *bytes, size_t length);
	size_t frame_max; /* 1..512 where there is a frame function */
	/*
	 * Decodes one whole frame or message into REPORT, which the caller initialised
	 * (time, station and sensor are the caller's). OPTIONS is the kind's struct; NULL
	 * stands for the table's defaults. Order: length, sync, integrity, extraction,
	 * range. On anything but SENSOR_OK the report's readings are not used.
	 */
	enum sensor_result (*decode)(const void *options, const uint8_t *frame,
		size_t length, struct report *report);
	/*
	 * NULL for a device that talks by itself. Else asked for the next request, on a
	 * stream bus, by turns: after the port was opened (LAST is SENSOR_PORT_ERROR),
	 * then whenever the pause is over. LAST is what became of the latest frame since
	 * the turn before, SENSOR_TIMEOUT where none came. SESSION: session_size bytes of
	 * this instance's own, zeroed at each opening. Frames are decoded and delivered
	 * whenever they come, asked for or not. Writes the request's bytes to REQUEST.
	 */
	struct sensor_turn (*turn)(const void *options, void *session,
		enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX]);
	size_t session_size;
	/*
	 * NULL, or the value at which the device's counter METRIC starts again from 0, in
	 * the metric's unit; 0: not known. Tells a wrap from a reset.
	 */
	double (*modulus)(const void *options, uint16_t metric);
	/*
	 * Frames are lines, and nothing tells the rest of a line from a whole one: what
	 * decode refuses is passed over as a whole, and where a line is too long (frame
	 * says more than frame_max) or its end does not come, all up to the next CR or
	 * LF.
	 */
	bool by_line;
	/* It speaks lines of ASCII: a capture of it that is not hex is taken as it is. */
	bool is_text;
	struct sensor_probe probe;
	/* NULL, or how `muabui simulate` plays this device: see sensors/simulate.h */
	const struct simulation *simulation;
};

/* All drivers, ended by NULL; found by name or alias. */
extern const struct sensor_driver *const sensor_drivers[];
const struct sensor_driver *sensor_driver_find(const char *name);

/* For config/: the same drivers as kinds, with the options every sensor has. */
extern const struct option_family sensor_family;

/* How far a sensor's pollutants are to be trusted. */
enum sensor_grade { GRADE_AUTO, GRADE_INDICATIVE, GRADE_REFERENCE };

/* The options every sensor has (option_item.common). */
struct sensor_common {
	const char *station;  /* "" = the gateway's own; "{1}" = from the MQTT topic */
	int64_t stale_after;  /* ms without a good reading until status calls it silent */
	int64_t settle;       /* ms after a silence in which values fail; 0: none */
	int64_t settle_after; /* ms of silence before that; 0: stale_after */
	int grade;            /* enum sensor_grade */
	bool index;           /* its pollutants enter the station's index */
	struct option_list quality;     /* struct quality_config */
	struct option_list calibration; /* struct calibration_config */
	struct rain_config rain;
};

/* The common options of the sensor NAME of ITEMS, or NULL. */
const struct sensor_common *sensors_common(
	const struct option_list *items, const char *name);

/*
 * Is what the sensor NAME of ITEMS says of pollutants only indicative? Unless its grade
 * says otherwise: not that of an instrument which is asked over Modbus or SDI-12; but
 * that of the optical counters and cells with drivers of their own, and of whatever
 * nodes send, for which nobody has vouched. Of a sensor that is not in ITEMS: yes.
 */
bool sensors_are_indicative(const struct option_list *items, const char *name);

/* Counters a bus keeps and everybody may read. */
struct sensor_stats {
	atomic_uint_fast64_t results[SENSOR_RESULT_COUNT];
	atomic_uint_fast64_t skipped_bytes; /* junk between frames */
	atomic_uint_fast64_t duplicates; /* redelivered by a broker, already accepted */
	atomic_uint_fast64_t retained;   /* retained messages received */
	atomic_uint_fast64_t unknown;    /* readings of metrics nobody has declared */
	atomic_uint_fast64_t offline;    /* devices that say they are away, now */
	atomic_uint_fast64_t dropped;    /* good reports lost because the ring was full */
	atomic_int_fast64_t last_good_ms; /* wall clock; 0: never */
	atomic_int state;                 /* the result of the latest attempt */
	atomic_bool connected;            /* port open, broker connected */
};

/* What was logged of a sensor; only sensor_note() uses it. */
struct sensor_log {
	int shown; /* the result said last; SENSOR_OK: all well */
	int64_t said_ms[SENSOR_RESULT_COUNT]; /* real time of the last line about each */
	char port_reason[128];
};

/* One configured sensor at run time. */
struct sensor {
	const char *name;
	const char *station; /* sensor_common.station, the gateway's own where empty */
	const char *gateway; /* the gateway's own station id */
	const struct sensor_driver *driver;
	const struct option_item *item;
	struct ring *ring;
	struct directory *directory; /* where stations that are heard of go, or NULL */
	struct sensor_stats stats;
	struct sensor_log log;
	bool was_lost; /* the port, since the latest report; the bus thread's own */
};

/*
 * Counts RESULT for SENSOR and logs it once per change of state; a fault that comes
 * and goes is said once in ten minutes. DETAIL (may be NULL) is for the log: what was
 * expected, what came; no raw bytes. Only the sensor's own bus thread calls this.
 */
void sensor_note(struct sensor *sensor, enum sensor_result result, const char *detail);

/*
 * For serial buses: stamps REPORT with names and the time of now, hands it to the ring
 * and notes SENSOR_OK. A full ring drops its oldest report.
 */
void sensor_deliver(struct sensor *sensor, struct report *report);

/* The same without the note: for a report that is not the whole one. */
void sensor_deliver_part(struct sensor *sensor, struct report *report);

/*
 * What one sensor's options cannot say: two talking devices on one port, or Modbus
 * devices on one port that disagree about the line. Reports by config_error() at the
 * later sensor's place, with the errors of PLACE. For config_schema.check.
 */
void sensors_check(const struct option_list *items, const struct config_place *place);

/*
 * The running sensors: one thread per serial bus, Paho's for MQTT. ITEMS is
 * config.sensors; reports go to RING, what is heard of stations to DIRECTORY (may be
 * NULL). NULL with a logged reason when a thread cannot be made; an absent port or broker
 * is no reason, it is retried.
 */
struct sensors;
struct sensors *sensors_start(const struct option_list *items, const char *station_id,
	struct ring *ring, struct directory *directory);

/* Stops polling and joins every thread; what was handed to the ring stays there. Accepts
 * NULL. */
void sensors_stop(struct sensors *sensors);

/* The driver's modulus() for the sensor NAME of ITEMS; 0: not known. */
double sensors_modulus(
	const struct option_list *items, const char *name, uint16_t metric);

size_t sensors_count(const struct sensors *sensors);
const struct sensor *sensors_get(const struct sensors *sensors, size_t index);

#endif
