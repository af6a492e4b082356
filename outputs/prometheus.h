/*
 * What the prometheus output says: samples as text, and requests made of that. No I/O.
 * For outputs/prometheus.c and its test.
 *
 * A record of the batch is a report's samples in the text that Prometheus' own pages
 * have, a line each, so that a dead letter can be read:
 *
 *   muabui_pm25_micrograms_per_cubic_meter{area="a",sensor="d",station="s"} 35.2 17953…
 */
#ifndef MUABUI_OUTPUTS_PROMETHEUS_H
#define MUABUI_OUTPUTS_PROMETHEUS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "core/buffer.h"
#include "core/metric.h"
#include "core/reading.h"

enum { PROMETHEUS_NAME_SIZE = 256 };

/* METRIC's name there: muabui_, its own, its unit in words as far as it has one. */
void prometheus_name(const struct metric *metric, char name[static PROMETHEUS_NAME_SIZE]);

/*
 * Appends the samples of REPORT to OUT: values that may be used (flags 1 to 3, the
 * instrument measuring), and not of an MQTT broker's retained copy, whose age nobody
 * knows. OWN is the gateway's station, whose area becomes a label.
 */
void prometheus_encode(const struct report *report, const struct station_config *own,
	struct buffer *out);

/*
 * The body for TEXT, whole lines of the above: a WriteRequest with each series once, its
 * samples oldest first, packed by snappy. Replaces what is in OUT, with PLAIN for what is
 * in between. False: out of memory, or a limit met.
 */
bool prometheus_request(
	const char *text, size_t length, struct buffer *plain, struct buffer *out);

#endif
