/* muabui index: air quality indices of hourly means, from CSV to CSV. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/csv.h"
#include "core/log.h"
#include "core/number.h"
#include "derive/eaqi.h"
#include "derive/us_aqi.h"
#include "derive/vn_aqi.h"
#include "gateway/arguments.h"
#include "gateway/command.h"

static const int64_t hour_ms = 60 * 60 * 1000;

struct index_settings {
	const char *kind; /* "vn", "us", "eu" */
	bool day;
	enum us_aqi_table table;
	enum nowcast_form form;
	struct vn_aqi_need need;
};

struct index_run {
	const struct index_settings *settings;
	struct csv csv;
	int time_column, columns[AIR_POLLUTANTS];
	struct air_hours hours;
	int offset_minutes;
};

/* --- what is written ------------------------------------------------------ */

static const char *category(const struct index_settings *settings, int index)
{
	if (strcmp(settings->kind, "us") == 0)
		return us_aqi_category(index);
	if (strcmp(settings->kind, "eu") == 0)
		return eaqi_category(index);
	return vn_aqi_category(index)->vi;
}

/* To a thousandth of a µg/m³: more than any instrument knows. */
static void print_mean(double value)
{
	char text[NUMBER_TEXT_SIZE] = "";

	if (isfinite(value))
		number_format(text, nearbyint(value * 1000) / 1000);
	printf(",%s", text);
}

static void print_row(const struct index_run *run, const struct air_index *index)
{
	char time[CLOCK_TEXT_SIZE];

	fputs(clock_format(time, run->hours.end_ms, run->offset_minutes), stdout);
	print_mean(index->pm25);
	print_mean(index->pm10);
	if (index->index < 0)
		puts(",,,");
	else
		printf(",%d,%s,%s\n", index->index, air_pollutant_names[index->pollutant],
			category(run->settings, index->index));
}

/* --- what is read --------------------------------------------------------- */

static bool find_columns(struct index_run *run)
{
	struct csv *csv = &run->csv;
	size_t known = 1;

	run->time_column = csv_column(csv, "time");
	if (run->time_column < 0) {
		csv_error(csv, "there is no column \"time\"");
		return false;
	}
	for (size_t p = 0; p < AIR_POLLUTANTS; p++) {
		run->columns[p] = csv_column(csv, air_pollutant_names[p]);
		known += run->columns[p] >= 0;
	}
	if (known == csv->columns && known > 1)
		return true;
	csv_error(csv, "the columns are time and some of pm25, pm10, o3, no2, so2, co");
	return false;
}

static bool take_time(struct index_run *run, int64_t *end_ms)
{
	struct csv *csv = &run->csv;

	if (!csv_time(csv, run->time_column, end_ms, &run->offset_minutes))
		return false;
	if (*end_ms % hour_ms != 0) {
		csv_error(csv, "time: is not the end of a full hour");
		return false;
	}
	if (run->hours.end_ms != 0 && *end_ms <= run->hours.end_ms) {
		csv_error(csv, "time: is not after the one before");
		return false;
	}
	return true;
}

static bool take_means(struct index_run *run)
{
	for (size_t p = 0; p < AIR_POLLUTANTS; p++) {
		double *mean = &run->hours.means[p][0];

		if (!csv_number(&run->csv, run->columns[p], mean))
			return false;
		/* Instruments say a little less than nothing in clean air. */
		if (*mean < 0)
			*mean = 0;
	}
	return true;
}

static void compute(const struct index_run *run, struct air_index *index)
{
	const struct index_settings *settings = run->settings;

	if (strcmp(settings->kind, "us") == 0)
		us_aqi_hour(&run->hours, settings->table, index);
	else if (strcmp(settings->kind, "eu") == 0)
		eaqi_hour(&run->hours, index);
	else if (settings->day)
		vn_aqi_day(&run->hours, &settings->need, index);
	else
		vn_aqi_hour(&run->hours, settings->form, index);
}

/* Does the newest hour end a day where the times come from? */
static bool ends_day(const struct index_run *run)
{
	int64_t local_ms = run->hours.end_ms + run->offset_minutes * INT64_C(60000);

	return local_ms % (24 * hour_ms) == 0;
}

static void say(const struct index_run *run)
{
	struct air_index index;

	if (run->settings->day && !ends_day(run))
		return;
	compute(run, &index);
	print_row(run, &index);
}

/* The hour END_MS becomes the newest one; days that end in a gap before it are said. */
static void advance(struct index_run *run, int64_t end_ms)
{
	while (run->settings->day && run->hours.end_ms != 0 &&
		run->hours.end_ms + hour_ms < end_ms) {
		air_hours_advance(&run->hours, run->hours.end_ms + hour_ms);
		say(run);
	}
	air_hours_advance(&run->hours, end_ms);
}

/* The day that has begun is carried to its end: what is missing is missing. */
static void finish_day(struct index_run *run)
{
	if (!run->settings->day || run->hours.end_ms == 0 || ends_day(run))
		return;
	while (!ends_day(run))
		air_hours_advance(&run->hours, run->hours.end_ms + hour_ms);
	say(run);
}

static bool run_records(struct index_run *run)
{
	const char *what = run->settings->day ? "24h" : "nowcast";
	int64_t end_ms;
	int got;

	printf("time,pm25_%s,pm10_%s,index,pollutant,category\n", what, what);
	while ((got = csv_next(&run->csv)) == 1) {
		if (!take_time(run, &end_ms))
			return false;
		advance(run, end_ms);
		if (!take_means(run))
			return false;
		say(run);
	}
	if (got == 0)
		finish_day(run);
	return got == 0;
}

static int run_file(const struct index_settings *settings, const char *file)
{
	bool named = file && strcmp(file, "-") != 0;
	FILE *in = named ? fopen(file, "r") : stdin;
	struct index_run run = { .settings = settings };

	if (!in) {
		log_error("%s: %s", file, strerror(errno));
		return EXIT_FAILURE;
	}
	air_hours_clear(&run.hours);
	bool good = csv_begin(&run.csv, in, named ? file : "standard input") &&
		find_columns(&run) && run_records(&run);
	if (!good)
		log_error("%s", run.csv.why);
	csv_end(&run.csv);
	if (in != stdin)
		fclose(in);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- the command ---------------------------------------------------------- */

static bool is_one_of(const char *word, const char *const *words)
{
	while (*words && strcmp(*words, word) != 0)
		words++;
	return *words != NULL;
}

/* "--min-hours 18" of 24, and as many of 8 in proportion, rounded up. */
static bool take_need(const char *text, struct vn_aqi_need *need)
{
	double hours;

	if (!number_parse(text, strlen(text), &hours) || hours < 1 || hours > 24 ||
		hours != floor(hours))
		return false;
	need->hours_24 = (size_t)hours;
	need->hours_8 = (need->hours_24 + 2) / 3;
	return true;
}

int command_index(int argc, char **argv)
{
	static const char *const kinds[] = { "vn", "us", "eu", NULL };
	static const char *const tables[] = { "2024", "2012", NULL };
	const char *rest[2] = { NULL, NULL }, *table = NULL, *min_hours = NULL;
	struct index_settings settings = { .need = vn_aqi_three_quarters };
	bool literal = false;
	const struct argument options[] = {
		{ .name = "--table", .value = &table },
		{ .name = "--day", .flag = &settings.day },
		{ .name = "--literal", .flag = &literal },
		{ .name = "--min-hours", .value = &min_hours },
		{ .name = NULL },
	};
	char why[256];

	int count = arguments_take(argc, argv, options, rest, 2, why, sizeof why);
	if (count < 0)
		return command_usage("index", "%s", why);
	if (count == 0 || !is_one_of(rest[0], kinds))
		return command_usage("index", "which index: vn, us or eu?");
	settings.kind = rest[0];
	if (table && (!is_one_of(table, tables) || strcmp(settings.kind, "us") != 0))
		return command_usage("index", "--table 2012 or 2024 goes with us");
	if ((settings.day || literal) && strcmp(settings.kind, "vn") != 0)
		return command_usage("index", "--day and --literal go with vn");
	if (min_hours && (!settings.day || !take_need(min_hours, &settings.need)))
		return command_usage("index", "--min-hours 1 to 24 goes with --day");
	settings.table = table && strcmp(table, "2012") == 0 ? US_AQI_2012 : US_AQI_2024;
	settings.form = literal ? NOWCAST_LITERAL : NOWCAST_NORMALISED;
	return run_file(&settings, rest[1]);
}
