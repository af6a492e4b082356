/* muabui rain: what a gauge told, from CSV to running sums as CSV. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/csv.h"
#include "core/log.h"
#include "core/metric.h"
#include "core/number.h"
#include "derive/rain.h"
#include "gateway/arguments.h"
#include "gateway/command.h"

enum {
	TIME_SIZE = 64,
	AHEAD = 1000, /* rows by which the usual step is known */
};

/* A row of the input; NAN: the field is empty, or says what cannot be. */
struct row {
	unsigned long line;
	char time[TIME_SIZE]; /* as it came */
	int64_t time_ms;
	double total, rain;
};

struct rain_run {
	struct rain_config config;
	bool completeness;
	struct csv csv;
	int time_column, total_column, rain_column;
	int64_t last_ms; /* the newest row's */
	struct rain_gauge gauge;
	struct row rows[AHEAD]; /* the first ones */
	size_t count;
};

/* --- what is written ------------------------------------------------------ */

static void print_header(const struct rain_run *run)
{
	printf("time");
	for (size_t w = 0; w < RAIN_SUMS; w++)
		printf(",%s", metric_by_id(rain_windows[w].metric)->name);
	printf(",%s", metric_by_id(METRIC_RAIN_RATE)->name);
	for (size_t w = 0; run->completeness && w < RAIN_SUMS; w++)
		printf(",%s_completeness", metric_by_id(rain_windows[w].metric)->name);
	putchar('\n');
}

/* NAN: an empty field. */
static void print_number(double value)
{
	char text[NUMBER_TEXT_SIZE] = "";

	if (!isnan(value))
		number_format(text, value);
	printf(",%s", text);
}

/* Rounded down: 1 is all. */
static double share(const struct rain_gauge *gauge, size_t index)
{
	return floor(rain_completeness(gauge, index) * 10000) / 10000;
}

static void print_row(const struct rain_run *run, const struct row *row, bool observed)
{
	const struct rain_gauge *gauge = &run->gauge;

	fputs(row->time, stdout);
	for (size_t w = 0; w < RAIN_SUMS; w++)
		print_number(
			observed && rain_may_stand(gauge, w) ? rain_sum(gauge, w) : NAN);
	print_number(observed ? rain_rate(gauge) : NAN);
	for (size_t w = 0; run->completeness && w < RAIN_SUMS; w++)
		print_number(observed ? share(gauge, w) : NAN);
	putchar('\n');
}

static void note(const struct rain_run *run, const struct row *row, const char *what)
{
	log_notice("%s:%lu: %s", run->csv.name, row->line, what);
}

static void note_step(const struct rain_run *run, const struct row *row,
	const struct counter_step *step)
{
	static const char *const words[] = {
		[COUNTER_CORRUPT] =
			"the counter goes on: what it said before was corrupt",
		[COUNTER_RESET] = "the counter was set back before",
		[COUNTER_JUMPED] = "the counter had jumped by more than can fall",
		[COUNTER_HELD] = "the counter says something odd; the next row decides",
	};

	if (step->verdict < sizeof words / sizeof *words && words[step->verdict])
		note(run, row, words[step->verdict]);
}

/* --- what a row tells ------------------------------------------------------ */

/* The increment that ROW tells, as the live gateway takes it; NAN: none. */
static double take_increment(struct rain_run *run, const struct row *row)
{
	struct rain_gauge *gauge = &run->gauge;
	int64_t before_ms = gauge->coverage.last_ms;
	struct counter_step step = { .verdict = COUNTER_HELD };

	if (!isnan(row->total)) {
		step = rain_credit(gauge, row->time_ms, row->total);
		note_step(run, row, &step);
	}
	if (isnan(row->rain))
		return step.verdict == COUNTER_HELD ? NAN : step.increment;
	if (before_ms == 0 ||
		counter_can_fall(&gauge->counter, row->rain, row->time_ms - before_ms))
		return row->rain;
	note(run, row, "more than can fall in the time: not counted");
	return NAN;
}

/* False when memory is out. */
static bool say(struct rain_run *run, const struct row *row)
{
	struct rain_gauge *gauge = &run->gauge;
	double mm = take_increment(run, row);
	bool good;

	/* A counter tells later what it does not tell now; an increment is gone. */
	if (!isnan(mm))
		good = rain_observe(gauge, row->time_ms, mm);
	else
		good = run->rain_column < 0 || rain_lose(gauge, row->time_ms);
	if (!good)
		csv_error(&run->csv, "more tips within three days than one a second");
	else
		print_row(run, row, !isnan(mm));
	return good;
}

/* --- what is read ----------------------------------------------------------- */

static bool find_columns(struct rain_run *run)
{
	struct csv *csv = &run->csv;

	run->time_column = csv_column(csv, "time");
	run->total_column = csv_column(csv, "rain_total");
	run->rain_column = csv_column(csv, "rain");
	if (run->time_column >= 0 && (run->total_column >= 0 || run->rain_column >= 0))
		return true;
	csv_error(csv,
		"the columns are time and rain_total, the counter, or rain, the "
		"increments, in mm");
	return false;
}

/* The field in COLUMN, NAN where its METRIC cannot have such a value. */
static bool take_number(struct rain_run *run, int column, uint16_t metric, double *value,
	const struct row *row)
{
	const struct metric *limits = metric_by_id(metric);

	if (!csv_number(&run->csv, column, value))
		return false;
	if (isnan(*value) || (*value >= limits->min && *value <= limits->max))
		return true;
	*value = NAN;
	note(run, row, "no such amount can be: taken for missing");
	return true;
}

/* 1: ROW is the next one; 0: there is none; -1: an error, which csv.why tells. */
static int read_row(struct rain_run *run, struct row *row)
{
	struct csv *csv = &run->csv;
	int got = csv_next(csv), offset_minutes;

	if (got <= 0)
		return got;
	row->line = csv->line;
	if (!csv_time(csv, run->time_column, &row->time_ms, &offset_minutes))
		return -1;
	if (strlen(csv->fields[run->time_column]) >= sizeof row->time)
		return csv_error(csv, "time: is longer than a time can be");
	snprintf(row->time, sizeof row->time, "%s", csv->fields[run->time_column]);
	if (row->time_ms <= 0)
		return csv_error(csv, "time: is before 1970");
	if (row->time_ms < run->last_ms)
		return csv_error(csv, "time: is before the one above");
	run->last_ms = row->time_ms;
	if (!take_number(run, run->total_column, METRIC_RAIN_TOTAL, &row->total, row) ||
		!take_number(run, run->rain_column, METRIC_RAIN, &row->rain, row))
		return -1;
	return 1;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The time between two of the first rows, as it is most often (the median); 0: no rows.
 */
static int64_t usual_step(const struct rain_run *run)
{
	int64_t steps[AHEAD];
	size_t count = 0;

	for (size_t i = 1; i < run->count; i++)
		steps[count++] = run->rows[i].time_ms - run->rows[i - 1].time_ms;
	if (count == 0)
		return 0;
	qsort(steps, count, sizeof *steps, by_size);
	return steps[count / 2];
}

/* A record by the hour has no gap every hour. */
static void begin_gauge(struct rain_run *run)
{
	int64_t step_ms = usual_step(run);

	if (step_ms > run->config.gap)
		run->config.gap = step_ms;
	rain_init(&run->gauge, &run->config, 0);
}

static bool run_rows(struct rain_run *run)
{
	struct row row;
	int got = 1;

	while (run->count < AHEAD && (got = read_row(run, &run->rows[run->count])) > 0)
		run->count++;
	begin_gauge(run);
	print_header(run);
	/* What stands before a faulty row is said all the same. */
	for (size_t i = 0; i < run->count; i++)
		if (!say(run, &run->rows[i]))
			return false;
	while (got > 0 && (got = read_row(run, &row)) > 0)
		if (!say(run, &row))
			return false;
	return got == 0;
}

static int run_file(struct rain_run *run, const char *file)
{
	bool named = file && strcmp(file, "-") != 0;
	FILE *in = named ? fopen(file, "r") : stdin;

	if (!in) {
		log_error("%s: %s", file, strerror(errno));
		return EXIT_FAILURE;
	}
	bool good = csv_begin(&run->csv, in, named ? file : "standard input") &&
		find_columns(run) && run_rows(run);
	if (!good)
		log_error("%s", run->csv.why);
	csv_end(&run->csv);
	if (in != stdin)
		fclose(in);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int command_rain(int argc, char **argv)
{
	static struct rain_run run; /* too large for a stack */
	const char *file = NULL, *day_starts = NULL;
	const struct argument options[] = {
		{ .name = "--day-starts", .value = &day_starts },
		{ .name = "--completeness", .flag = &run.completeness },
		{ .name = NULL },
	};
	char why[256];
	int minutes, status;

	if (arguments_take(argc, argv, options, &file, 1, why, sizeof why) < 0)
		return command_usage("rain", "%s", why);
	if (day_starts && !rain_day_starts(day_starts, &minutes))
		return command_usage(
			"rain", "--day-starts takes a time of day, as 19:00 is");
	run.config = rain_defaults;
	if (day_starts)
		run.config.day_starts = day_starts;
	rain_init(&run.gauge, &run.config, 0);
	status = run_file(&run, file);
	rain_free(&run.gauge);
	return status;
}
