/*
 * The department's station file of TT 10/2021 (Annex 15), as text: one file per period,
 * one line per parameter, five fields with a TAB between them:
 *
 *   HN_DEMO_KKX001_20261001143500.txt
 *   PM10 <TAB> 74.2 <TAB> ug/Nm3 <TAB> 20261001143500 <TAB> 00
 *
 * Pure: no I/O, no clock. Times in names and lines are local (+07:00), stand for the end
 * of the period (end − length, end], and are the same in the whole file. No field is ever
 * empty or holds a space, because the receiver splits at any run of white space and
 * would take the next field for the missing one.
 */
#ifndef MUABUI_OUTPUTS_TT10_FILE_H
#define MUABUI_OUTPUTS_TT10_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/metric.h"
#include "core/reading.h"

enum {
	TT10_PARAMETERS_MAX = 32,
	TT10_PREFIX_MAX = 64, /* of a name: before the time stamp */
	TT10_NAME_SIZE = 96,  /* room for a file's name, with NUL */
	TT10_FOLDER_SIZE = 256,
	TT10_MINUTES_MAX = 60, /* in one period */
};

/* One line of the file, and where its value comes from. */
struct tt10_parameter {
	const struct metric *metric;
	const char *symbol; /* as the department has registered it */
	const char *unit;
	double factor, offset; /* value written = mean × factor + offset */
	int decimals;
	const char *sensor; /* NULL or "": every sensor of the station that measures it */
};

struct tt10_settings {
	const char *prefix;  /* province_facility_station */
	const char *station; /* whose readings; NULL or "": of every station */
	const char *folder;  /* "YYYY/MM/DD", also with {name}; "": no folders */
	const struct tt10_parameter *parameters;
	size_t count;        /* at most TT10_PARAMETERS_MAX */
	int64_t period_ms;   /* whole minutes, at most TT10_MINUTES_MAX of them */
	double completeness; /* %, of the period's minutes that need a usable reading */
	double placeholder;  /* what is written where there is no value */
	const char *line_end;
};

/* The symbols and units of Annex 15, table 34, as far as the gateway measures them. */
size_t tt10_default_parameters(struct tt10_parameter parameters[TT10_PARAMETERS_MAX]);

/* What a period has had so far of one parameter. */
struct tt10_mean {
	uint32_t count;
	uint64_t minutes; /* one bit per minute with a usable reading */
	double sum, x, y; /* x and y: of a direction */
	bool calibrating;
};

struct tt10_period {
	int64_t end_ms;
	int64_t first_id; /* of the first report in it; 0: none has come */
	struct tt10_mean means[TT10_PARAMETERS_MAX];
};

/* The end of the period that TIME_MS belongs to, counted from local midnight. */
int64_t tt10_period_end(int64_t time_ms, int64_t period_ms);

/* Counts REPORT, stamped inside PERIOD, where it is of the settings' station and sensors.
 */
void tt10_period_add(const struct tt10_settings *settings, struct tt10_period *period,
	const struct report *report);

/* A bit per parameter of which the period has had a usable reading. */
uint32_t tt10_period_seen(const struct tt10_period *period);

/*
 * The file of PERIOD, appended to TEXT. WANTED has a bit per parameter that gets a line.
 * A mean of enough minutes: status 00. Otherwise the placeholder: with 01 when the
 * instrument calibrated, with 02 when there was a fault or nothing. Rain is the sum of
 * the period, a wind direction the direction of the mean of unit vectors.
 */
void tt10_write(const struct tt10_settings *settings, const struct tt10_period *period,
	uint32_t wanted, struct buffer *text);

void tt10_name(const struct tt10_settings *settings, int64_t end_ms,
	char name[static TT10_NAME_SIZE]);
/* Without '/' at either end. False: it would be too long. */
bool tt10_folder(const struct tt10_settings *settings, int64_t end_ms,
	char folder[static TT10_FOLDER_SIZE]);

/*
 * Is PREFIX three parts of letters, digits and '-' with one '_' between them? The
 * receiver cuts a name at its underscores.
 */
bool tt10_prefix_is_valid(const char *prefix);

/* May TEXT stand as a symbol or unit: printable, not empty, no white space? */
bool tt10_word_is_valid(const char *text);

#endif
