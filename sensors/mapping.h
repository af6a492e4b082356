/*
 * What a number that a device says becomes: a metric in its own unit. The rows that
 * drivers with configured columns, channels or values share.
 */
#ifndef MUABUI_SENSORS_MAPPING_H
#define MUABUI_SENSORS_MAPPING_H

#include "config/option.h"
#include "core/metric.h"
#include "core/reading.h"
#include "sensors/sensor.h"
#include "sensors/unit.h"

/* The FIRST member of a driver's row. value = number × scale + offset, then the unit. */
struct mapping {
	const struct metric *metric;
	int unit; /* enum unit: what number × scale + offset is in */
	double scale;
	double offset;
	struct option_numbers invalid; /* numbers, before scaling, that mean "no value" */
};

/* The rows of struct mapping, being MEMBER of struct TYPE, for a driver's table. */
#define MAPPING_OPTIONS(TYPE, MEMBER)                                                \
	{                                                                            \
		.name = "metric",                                                    \
		.type = OPTION_METRIC,                                               \
		.offset = offsetof(TYPE, MEMBER.metric),                             \
		.required = true,                                                    \
		.help = "What is measured.",                                         \
	},                                                                           \
		{                                                                    \
			.name = "unit",                                              \
			.type = OPTION_CHOICE,                                       \
			.offset = offsetof(TYPE, MEMBER.unit),                       \
			.fallback = "same",                                          \
			.choices = unit_names,                                       \
			.help = "The device's unit, where it is not the metric's.",  \
		},                                                                   \
		{                                                                    \
			.name = "scale",                                             \
			.type = OPTION_NUMBER,                                       \
			.offset = offsetof(TYPE, MEMBER.scale),                      \
			.fallback = "1.0",                                           \
			.help = "The number is multiplied by this.",                 \
		},                                                                   \
		{                                                                    \
			.name = "offset",                                            \
			.type = OPTION_NUMBER,                                       \
			.offset = offsetof(TYPE, MEMBER.offset),                     \
			.fallback = "0.0",                                           \
			.help = "Added after scaling.",                              \
		},                                                                   \
	{                                                                            \
		.name = "invalid", .type = OPTION_NUMBERS,                           \
		.offset = offsetof(TYPE, MEMBER.invalid),                            \
		.help = "Numbers, before scaling, by which the device says that it " \
			"has no value.",                                             \
	}

/* option_group.check for rows that begin with struct mapping. */
void mapping_check(const void *values, const struct config_place *place);

/*
 * Checks the list KEY of rows of SIZE bytes that begin with struct mapping: at
 * most READINGS_MAX, no metric twice.
 */
void mapping_check_list(const struct option_list *list, size_t size, const char *key,
	const struct config_place *place);

/*
 * Appends what NUMBER means to REPORT, or nothing where it is an invalid one.
 * SENSOR_BAD_VALUE: not finite. SENSOR_TOO_LARGE: the report is full.
 */
enum sensor_result mapping_take(
	const struct mapping *mapping, double number, struct report *report);

#endif
