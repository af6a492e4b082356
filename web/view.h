/*
 * What the web and the control socket show of a running gateway: pointers to
 * the parts, put together by gateway/daemon.c, constant while they run.
 */
#ifndef MUABUI_WEB_VIEW_H
#define MUABUI_WEB_VIEW_H

#include <stdatomic.h>
#include <stdint.h>

#include "alerts/notifier.h"
#include "config/config.h"
#include "core/buffer.h"
#include "outputs/output.h"
#include "sensors/sensor.h"
#include "store/latest.h"
#include "store/ring.h"

/* The recorder's counters, since start. */
struct recorder_stats {
	atomic_uint_fast64_t reports;        /* stored */
	atomic_uint_fast64_t readings;       /* stored, derived ones included */
	atomic_uint_fast64_t flagged;        /* readings flagged 3 or 4 */
	atomic_uint_fast64_t commits;
	atomic_uint_fast64_t commit_errors;
	atomic_uint_fast64_t messages;       /* put into the outbox */
	atomic_int_fast64_t last_report_ms;  /* wall clock of the newest stored report; 0: none */
	atomic_int_fast64_t last_commit_ms;
	atomic_int_fast64_t store_bytes;     /* looked up now and then */
};

struct gateway_view {
	const struct config *config;
	const struct latest *latest;
	struct ring *ring;
	const struct sensors *sensors;
	const struct outputs *outputs;
	const struct notifier *notifier;
	const struct recorder_stats *recorder;
	const char *version;
	int64_t started_ms; /* wall clock */
};

/* The whole status as one JSON object: `muabui status --json`. */
void view_status_json(const struct gateway_view *view, struct buffer *out);

/* Does data move? 200 or 503 for /healthz; a sentence why not goes to OUT. */
int view_health(const struct gateway_view *view, struct buffer *out);

#endif
