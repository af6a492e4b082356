#include "web/table.h"

#include <string.h>

#include "core/clock.h"
#include "core/metric.h"
#include "core/utf8.h"
#include "web/stations.h"
#include "web/words.h"

enum {
	SENSOR_COLUMNS = 12,
	METRIC_COLUMNS = 15,
	VALUE_COLUMNS = 10,
	UNIT_COLUMNS = 7,
	COLUMNS_MIN = 40,
	LINE_MAX = 1024, /* bytes */
};

struct table {
	const struct gateway_view *view;
	struct buffer *out;
	struct buffer line;
	size_t columns;
	bool colour;
	int64_t now_ms;
};

/* --- one line ----------------------------------------------------------- */

static void pad_to(struct buffer *line, size_t column)
{
	size_t width = utf8_width(buffer_text(line));

	do
		buffer_putc(line, ' ');
	while (++width < column);
}

/* How many bytes of TEXT take at most COLUMNS columns. */
static size_t fit(const char *text, size_t columns)
{
	char one[8];
	size_t used = 0, width = 0, left = strlen(text);

	while (left > used) {
		size_t length = utf8_char_length(text + used, left - used);
		if (length == 0)
			break;
		memcpy(one, text + used, length);
		one[length] = '\0';
		width += utf8_width(one);
		if (width > columns)
			break;
		used += length;
	}
	return used;
}

/* Ends the line; SGR ("2", "1;31") colours it where colours are wanted. */
static void end_line(struct table *table, const char *sgr)
{
	const char *text = buffer_text(&table->line);
	bool colour = table->colour && sgr;

	if (colour)
		buffer_printf(table->out, "\033[%sm", sgr);
	buffer_append(table->out, text, fit(text, table->columns));
	if (colour)
		buffer_puts(table->out, "\033[0m");
	buffer_putc(table->out, '\n');
	buffer_clear(&table->line);
}

/* --- what stands in it ---------------------------------------------------- */

static const char *sgr_of(const struct latest_value *value, bool current)
{
	if (value->reading.flag == FLAG_FAIL || value->reading.flag == FLAG_MISSING)
		return "31";
	if (!current)
		return "2";
	if (value->reading.flag == FLAG_SUSPECT || value->status != STATUS_MEASURING)
		return "33";
	return NULL;
}

static void put_remarks(
	struct buffer *line, const struct latest_value *value, bool current)
{
	const char *flag = words_flag(value->reading.flag, WORDS_EN);

	if (flag[0])
		buffer_printf(line, ", %s", flag);
	if (value->status == STATUS_CALIBRATING)
		buffer_puts(line, ", calibrating");
	else if (value->status == STATUS_FAULT)
		buffer_puts(line, ", instrument fault");
	if (value->marks & REPORT_RETAINED)
		buffer_puts(line, ", retained");
	else if (value->marks & REPORT_CLOCK_UNSET)
		buffer_puts(line, ", clock was unset");
	else if (!current)
		buffer_puts(line, ", OLD");
}

static void put_value(struct table *table, const char *sensor, const char *shown,
	const struct latest_value *value)
{
	const struct metric *metric = metric_by_id(value->reading.metric);
	struct buffer *line = &table->line;
	struct buffer text;

	if (!metric)
		return;
	bool current = view_is_current(table->view, sensor, value, table->now_ms);
	buffer_init(&text, 64);
	words_value(&text, metric, value->reading.value, WORDS_EN);

	buffer_puts(line, "  ");
	words_plain(line, shown);
	pad_to(line, 2 + SENSOR_COLUMNS);
	words_plain(line, metric->name);
	size_t end = 2 + SENSOR_COLUMNS + METRIC_COLUMNS + VALUE_COLUMNS;
	size_t width = utf8_width(buffer_text(&text));
	pad_to(line, width < VALUE_COLUMNS ? end - width : 0);
	buffer_puts(line, buffer_text(&text));
	pad_to(line, 0);
	words_plain(line, words_unit(metric));
	pad_to(line, end + 1 + UNIT_COLUMNS);
	words_age(line, table->now_ms - value->time_ms, WORDS_EN);
	put_remarks(line, value, current);
	end_line(table, sgr_of(value, current));
	buffer_free(&text);
}

/* "rain  10m 0.2 · 1h 3.4 · 24h 12.0 mm": sums share a line. */
static void put_rain_sums(struct table *table, const char *sensor, const char *shown,
	const struct latest_value *const values[], size_t count)
{
	struct buffer *line = &table->line;
	const struct latest_value *worst = NULL;
	const char *before = " ";

	for (size_t i = 0; i < count; i++) {
		const struct metric *metric = metric_by_id(values[i]->reading.metric);

		if (!metric || !stations_is_rain_sum(metric->id))
			continue;
		if (!worst) {
			buffer_puts(line, "  ");
			words_plain(line, shown);
			pad_to(line, 2 + SENSOR_COLUMNS);
			buffer_puts(line, "rain");
		}
		/* The oldest or worst value speaks for the line. */
		if (!worst || values[i]->reading.flag > worst->reading.flag ||
			(values[i]->reading.flag == worst->reading.flag &&
				values[i]->time_ms < worst->time_ms))
			worst = values[i];
		buffer_printf(line, "%s%s ", before, metric->name + strlen("rain_"));
		words_value(line, metric, values[i]->reading.value, WORDS_EN);
		before = " · ";
	}
	if (!worst)
		return;
	bool current = view_is_current(table->view, sensor, worst, table->now_ms);
	buffer_puts(line, " mm  ");
	words_age(line, table->now_ms - worst->time_ms, WORDS_EN);
	put_remarks(line, worst, current);
	end_line(table, sgr_of(worst, current));
}

static void begin(void *arg, const struct station_view *station)
{
	struct table *table = arg;

	words_plain(&table->line, station->id);
	if (strcmp(station->id, station->name) != 0) {
		buffer_puts(&table->line, "  ");
		words_plain(&table->line, station->name);
	}
	end_line(table, "1");
}

static void sensor(void *arg, const struct latest_source *source)
{
	struct table *table = arg;
	const struct latest_value *values[READINGS_MAX];
	size_t count = stations_order(source, values);
	/* The sensor's name stands on its first line only. */
	const char *shown = source->sensor;

	for (size_t i = 0; i < count; i++) {
		if (stations_is_rain_sum(values[i]->reading.metric))
			continue;
		put_value(table, source->sensor, shown, values[i]);
		shown = "";
	}
	put_rain_sums(table, source->sensor, shown, values, count);
}

static void end(void *arg, const struct station_view *station, int64_t newest_ms)
{
	struct table *table = arg;

	(void)station;
	if (newest_ms == 0) {
		buffer_puts(&table->line, "  no data yet");
		end_line(table, "2");
	}
}

void table_render(
	const struct gateway_view *view, int columns, bool colour, struct buffer *out)
{
	static const struct station_visitor visitor = {
		.begin = begin,
		.sensor = sensor,
		.end = end,
	};
	struct table table = {
		.view = view,
		.out = out,
		.columns = columns < COLUMNS_MIN ? COLUMNS_MIN : (size_t)columns,
		.colour = colour,
		.now_ms = clock_wall_ms(),
	};

	buffer_init(&table.line, LINE_MAX);
	stations_walk(view, NULL, &visitor, &table);
	buffer_free(&table.line);
}
