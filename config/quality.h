/*
 * What values are held against, per metric: the rows of a `quality` list, the gateway's
 * or a sensor's. derive/quality.h says what they mean.
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
	double spike;             /* away from the two values before; more is suspect */
	double spike_fail;        /* … fails */
	double flat_tolerance;    /* within it a series counts as standing still */
	int64_t flat_suspect;     /* ms of standing still until it is suspect */
	int64_t flat_fail;        /* … until it fails */
	double humidity_max;      /* %: above it this metric is suspect */
	double neighbour;         /* from the station's other sensors; more is suspect */
	double neighbour_ratio;   /* the same as part of the mean of the two */
	int64_t neighbour_within; /* ms between readings that are compared */
};

extern const struct option_group quality_group;

/* Complains of rows about a metric that has one already. */
void quality_check_rows(const struct option_list *rows, const struct config_place *place);

/*
 * The row of METRIC: OWN's (a sensor's), else COMMON's (the gateway's), else NULL. A
 * sensor's row takes the place of the gateway's as a whole, so that what is tested can be
 * read in one place, and a test can be turned off by leaving it out.
 */
const struct quality_config *quality_find(
	const struct option_list *own, const struct option_list *common, uint16_t metric);

/* METRIC's own range and no other test. */
void quality_defaults(struct quality_config *config, const struct metric *metric);

#endif
