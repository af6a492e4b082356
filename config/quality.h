/*
 * What a sensor's values are held against, per metric: the rows of a sensor's
 * `quality` list. derive/quality.h says what they mean.
 */
#ifndef MUABUI_CONFIG_QUALITY_H
#define MUABUI_CONFIG_QUALITY_H

#include <stdint.h>

#include "config/option.h"
#include "core/metric.h"

/* Limits that are not given are NAN, durations 0: that test is not made. */
struct quality_config {
	const struct metric *metric;
	double min, max; /* gross range: outside fails; default: the metric's */
	double suspect_min, suspect_max; /* plausible range: outside is suspect */
	double rate;                     /* change per minute; faster is suspect */
	double spike;          /* away from the two values before; more is suspect */
	double spike_fail;     /* … fails */
	double flat_tolerance; /* within it a series counts as standing still */
	int64_t flat_suspect;  /* ms of standing still until it is suspect */
	int64_t flat_fail;     /* … until it fails */
	double humidity_max;   /* %: above it this metric is suspect */
};

extern const struct option_group quality_group;

/* METRIC's own range and no other test. */
void quality_defaults(struct quality_config *config, const struct metric *metric);

#endif
