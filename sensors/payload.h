/* What the formats share: numbers, names, times and pointers in what anybody sent. */
#ifndef MUABUI_SENSORS_PAYLOAD_H
#define MUABUI_SENSORS_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensors/format.h"

/* value × scale + offset of what is called KEY is METRIC in its unit. */
struct payload_key {
	const char *key;
	uint16_t metric;
	double scale; /* 0 stands for 1 */
	double offset;
};

/* The row of KEYS (ended by a NULL key) for KEY of LENGTH bytes, or NULL. */
const struct payload_key *payload_key_find(
	const struct payload_key *keys, const char *key, size_t length);

/*
 * What a name that people or firmware gave most likely means: "Outdoor Temperature",
 * "pm2_5", "airHumidity", "co_ppm". Careful: what is inside a device or a house, a limit,
 * an index or a raw count is nothing. False when it is nothing.
 */
bool payload_name_means(const char *name, size_t length, struct payload_key *key);

/* 536 × 0.1 is 53.6, not 53.600000000000001. */
double payload_scaled(double value, double scale, double offset);

/*
 * Adds VALUE by KEY to REPORT unless the metric is there already, or the value is not
 * finite. True when it is there afterwards.
 */
bool payload_add(struct report *report, const struct payload_key *key, double value);

/* The same for what ITEM says, if that is a number. */
bool payload_add_item(
	struct report *report, const struct payload_key *key, const struct cJSON *item);

/* Sensors say numbers as numbers, as text, and as true and false. */
bool payload_number(const struct cJSON *item, double *value);

/* The whole of TEXT, blanks around it aside, as a number. */
bool payload_text_number(const char *text, size_t length, double *value);

/* Is TEXT how a firmware says that it has no value? */
bool payload_is_no_number(const char *text, size_t length);

/* RFC 6901 beginning at AT; NULL: nothing there. */
const struct cJSON *payload_pointer(const struct cJSON *at, const char *pointer);

/* The string called KEY of OBJECT, NULL when there is none. */
const char *payload_string(const struct cJSON *object, const char *key);

/* Parses all of TEXT; NULL: it is not JSON. */
struct cJSON *payload_parse(const char *text, size_t length);

/*
 * Takes OPTIONS' fields of ROOT into REPORT. MISSING is raised by how many that are not
 * optional are not there, of which no result is made.
 */
enum sensor_result payload_take_fields(const struct payload_options *options,
	const struct cJSON *root, struct report *report, size_t *missing);

/*
 * The same, with the same RESULT, straight from JSON text that is one flat object, where
 * the fields' pointers have one level and lead to numbers, null or nothing. False, with
 * nothing taken: it is not so simple, or no JSON at all, and a tree can tell.
 */
bool payload_scan_fields(const struct payload_options *options, const char *text,
	size_t length, struct report *report, size_t *missing,
	enum sensor_result *result);

/* Fields whose metric REPORT lacks are 0. */
void payload_fill_zeros(const struct payload_options *options, struct report *report);

/* The field of OPTIONS for a payload without depth that calls something NAME, or NULL. */
const struct payload_field *payload_field_named(
	const struct payload_options *options, const char *name, size_t length);

/*
 * Stamps REPORT with TEXT: RFC 3339, or without a zone where ZONE says which ("" = not
 * known). Nothing happens when it is anything else.
 */
void payload_stamp_text(struct report *report, const char *text, const char *zone);

/* The same for text, or seconds or milliseconds since 1970, told apart by their size. */
void payload_stamp_item(
	struct report *report, const struct cJSON *item, const char *zone);

void payload_stamp_ms(struct report *report, int64_t ms);

/* Notes NAME as the device of REPORT; what is no valid name is left out. */
void payload_set_device(struct report *report, const char *name);

/* The last level of TOPIC, and the one INDEX levels before it ("" with length 0: none).
 */
const char *payload_level(const char *topic, int index, size_t *length);
bool payload_level_is(const char *topic, int index, const char *text);

#endif
