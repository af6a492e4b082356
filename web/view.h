/*
 * What the web and the control socket show of a running gateway: pointers to
 * the parts, put together by gateway/daemon.c, constant while they run.
 */
#ifndef MUABUI_WEB_VIEW_H
#define MUABUI_WEB_VIEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alerts/notifier.h"
#include "alerts/relay.h"
#include "config/config.h"
#include "core/buffer.h"
#include "core/json.h"
#include "outputs/output.h"
#include "sensors/sensor.h"
#include "store/calibrating.h"
#include "store/desk.h"
#include "store/directory.h"
#include "store/latest.h"
#include "store/ring.h"

/* The recorder's counters, since start. */
struct recorder_stats {
	atomic_uint_fast64_t reports;  /* stored */
	atomic_uint_fast64_t readings; /* stored, derived ones included */
	atomic_uint_fast64_t flagged;  /* readings flagged 3 or 4 */
	atomic_uint_fast64_t commits;
	atomic_uint_fast64_t commit_errors;
	atomic_uint_fast64_t messages;      /* put into the outbox */
	atomic_bool failing;                /* the latest commit did not work */
	atomic_int_fast64_t last_report_ms; /* wall clock of the newest report; 0: none */
	atomic_int_fast64_t last_commit_ms;
	atomic_int_fast64_t store_bytes; /* looked up now and then */
	/* Honest time (gateway/timekeeper.h, gateway/held.h). */
	atomic_int_fast64_t held;          /* reports that wait for the clock to be set */
	atomic_int_fast64_t undatable;     /* reports of boots whose clock never was */
	atomic_uint_fast64_t held_dropped; /* given up: there was no room */
	atomic_uint_fast64_t clock_steps;  /* more than two seconds, while it ran */
	atomic_int_fast64_t clock_step_ms; /* when the last one was; 0: there was none */
	atomic_int_fast64_t clock_step_by_ms; /* and how far; negative: back */
	atomic_uint_fast64_t forgotten;       /* reports removed from the store */
	atomic_int_fast64_t salvaged;         /* saved from damaged files, ever */
	atomic_int_fast64_t unreadable;       /* could not be */
	atomic_bool salvaging;                /* it is being done; outputs wait */
	atomic_int_fast64_t lost; /* removed before every output had had them, ever */
};

/*
 * Parts that the gateway does not have may be NULL: sensors, outputs, notifier, relay,
 * ring, calibrating, desk.
 */
struct gateway_view {
	const struct config *config;
	const struct latest *latest;
	const struct directory *directory;
	const struct calibrating *calibrating;
	const struct desk *desk;
	struct ring *ring;
	const struct sensors *sensors;
	const struct outputs *outputs;
	const struct notifier *notifier;
	struct relay *relay;
	const struct recorder_stats *recorder;
	bool in_refuge; /* the store's disk takes nothing: it is in memory meanwhile */
	const char *version;
	int64_t started_ms;      /* wall clock */
	int64_t started_mono_ms; /* clock_mono_ms() then; 0: not known */
};

enum { VIEW_OFFSET_MINUTES = 7 * 60 }; /* Viet Nam has one zone */

/* Milliseconds since the start. */
int64_t view_uptime_ms(const struct gateway_view *view);

/*
 * May VALUE, seen at NOW_MS, be shown as the present? Not when it is older than the
 * stale_after of SENSOR, a retained copy, or from before the clock was right.
 */
bool view_is_current(const struct gateway_view *view, const char *sensor,
	const struct latest_value *value, int64_t now_ms);

/* What there is of each; 0 where the gateway has none. */
size_t view_sensor_count(const struct gateway_view *view);
size_t view_output_count(const struct gateway_view *view);
size_t view_channel_count(const struct gateway_view *view);

/*
 * Writes of the sensor NAME, whose options are COMMON (NULL: not configured), its
 * calibrations ("calibration": [{metric, station, method, date, by, certificate}]) and
 * whether it is being calibrated ("calibrating": [{station, author, since, until}]); a
 * station of null is every one.
 */
void view_put_calibrations(const struct gateway_view *view, const char *name,
	const struct sensor_common *common, struct json *json);

/* The whole status as one JSON object: `muabui status --json`. */
void view_status_json(const struct gateway_view *view, struct buffer *out);

/*
 * Does data move? 200 while the newest stored report is younger than the largest
 * stale_after of the sensors (15 min without sensors) and the recorder commits; 503
 * otherwise, also before the first report. OUT gets the reason as one sentence.
 */
int view_health(const struct gateway_view *view, struct buffer *out);

#endif
