/*
 * The categories of the air quality indices, as people know them by name: VN_AQI's by
 * Decision 1459/QĐ-TCMT of 12 November 2019 (tables 4 and 5), EPA's, and those of the
 * European index of 2024. They stand here, once, because the indices, the rules, the
 * texts and the page all speak of them.
 */
#ifndef MUABUI_CORE_CATEGORY_H
#define MUABUI_CORE_CATEGORY_H

#include <stddef.h>
#include <stdint.h>

struct category {
	double low, high; /* the first and the last index value that belongs to it */
	const char *vi, *en;
	const char *also;   /* another English name in use; NULL: none */
	const char *colour; /* "#00E400" */
};

/* The categories of the index METRIC, best first; NULL where it is no index. */
const struct category *category_table(uint16_t metric, size_t *count);

/*
 * The category of VALUE of the index METRIC, the best and the worst one beyond their
 * ends; between two whole values the worse one. NULL where METRIC is no index.
 */
const struct category *category_of(uint16_t metric, double value);

/*
 * The category of the index METRIC that is called NAME, in Vietnamese or English, in
 * letters of any case, with or without their marks. NULL: there is none.
 */
const struct category *category_find(uint16_t metric, const char *name);

#endif
