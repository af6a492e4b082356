#include "web/table.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/metric.h"
#include "core/utf8.h"
#include "web/stations.h"
#include "web/words.h"

enum {
	INDENT = 2,
	SENSOR_COLUMNS = 8,
	AGE_COLUMNS = 13, /* kept free at the end of a sensor's first line */
	COLUMNS_MIN = 40,
	LINE_MAX = 2048, /* bytes */
};

struct table {
	const struct gateway_view *view;
	struct buffer *out;
	struct buffer line;
	size_t width; /* columns of the line, without colours */
	size_t columns;
	size_t rows, hidden; /* may still be used, and were not to be had */
	bool colour;
	int64_t now_ms;
	const struct latest_source *source; /* its first line is being written, or NULL */
	struct buffer group;                /* values that share unit and remarks */
};

/* --- lines -------------------------------------------------------------- */

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

/* Appends TEXT as far as the line has room; SGR ("2", "1;31") colours it. */
static void put(struct table *table, const char *text, const char *sgr)
{
	size_t room = table->columns - table->width;
	size_t width = utf8_width(text);
	bool colour = table->colour && sgr;

	if (colour)
		buffer_printf(&table->line, "\033[%sm", sgr);
	buffer_append(&table->line, text, fit(text, room));
	if (colour)
		buffer_puts(&table->line, "\033[0m");
	table->width += width < room ? width : room;
}

static void pad_to(struct table *table, size_t column)
{
	for (; table->width < column && table->width < table->columns; table->width++)
		buffer_putc(&table->line, ' ');
}

static void put_age(struct table *table, const struct latest_source *source)
{
	struct buffer age;

	buffer_init(&age, 64);
	words_age(&age, table->now_ms - source->time_ms, WORDS_EN);
	size_t width = utf8_width(buffer_text(&age));
	if (table->width + 1 + width <= table->columns) {
		pad_to(table, table->columns - width);
		put(table, buffer_text(&age), "2");
	}
	buffer_free(&age);
}

static void end_line(struct table *table)
{
	if (table->source)
		put_age(table, table->source);
	table->source = NULL;
	if (table->rows > 0) {
		table->rows--;
		buffer_append(table->out, buffer_text(&table->line), table->line.length);
		buffer_putc(table->out, '\n');
	} else {
		table->hidden++;
	}
	buffer_clear(&table->line);
	table->width = 0;
}

/* --- values -------------------------------------------------------------- */

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

static void put_remarks(struct buffer *text, const struct latest_value *value,
	bool current, int64_t now_ms)
{
	const char *flag = words_flag(value->reading.flag, WORDS_EN);

	if (flag[0])
		buffer_printf(text, ", %s", flag);
	if (value->status == STATUS_CALIBRATING)
		buffer_puts(text, ", calibrating");
	else if (value->status == STATUS_FAULT)
		buffer_puts(text, ", instrument fault");
	if (value->marks & REPORT_RETAINED) {
		buffer_puts(text, ", retained");
	} else if (value->marks & REPORT_CLOCK_UNSET) {
		buffer_puts(text, ", clock was unset");
	} else if (!current) {
		buffer_puts(text, ", OLD: ");
		words_age(text, now_ms - value->time_ms, WORDS_EN);
	}
}

/* Of the sums of rain these are enough to see what falls and what has fallen. */
static bool is_shown(uint16_t metric)
{
	return !stations_is_rain_sum(metric) || metric == METRIC_RAIN_10M ||
		metric == METRIC_RAIN_1H || metric == METRIC_RAIN_3H ||
		metric == METRIC_RAIN_24H;
}

/* What a value has behind it: " µg/m³, suspect". Values with the same share it. */
static void tail_of(struct table *table, const char *sensor,
	const struct latest_value *value, const struct metric *metric,
	struct buffer *tail)
{
	const char *unit = words_unit(metric);

	buffer_clear(tail);
	if (unit[0]) {
		buffer_putc(tail, ' ');
		words_plain(tail, unit);
	}
	put_remarks(tail, value,
		view_is_current(table->view, sensor, value, table->now_ms),
		table->now_ms);
}

/* Ends the group: onto the line where it fits, else onto the next. */
static void put_group(struct table *table, const char *tail, const char *sgr)
{
	struct buffer *group = &table->group;
	size_t start = INDENT + SENSOR_COLUMNS;
	size_t limit = table->columns - (table->source ? AGE_COLUMNS : 0);

	if (group->length == 0)
		return;
	buffer_puts(group, tail);
	if (table->width > start) {
		if (table->width + 3 + utf8_width(buffer_text(group)) > limit) {
			end_line(table);
			pad_to(table, start);
		} else {
			pad_to(table, table->width + 3);
		}
	}
	put(table, buffer_text(group), sgr);
	buffer_clear(group);
}

/* "pm25 35.2 · pm10 60.1", "rain 10m 0.2 · 1h 3.4" */
static void join_group(struct table *table, const struct metric *metric, double value)
{
	struct buffer *group = &table->group;
	bool sum = stations_is_rain_sum(metric->id);
	bool first = group->length == 0;

	if (!first)
		buffer_puts(group, " · ");
	else if (sum)
		buffer_puts(group, "rain ");
	words_plain(group, sum ? metric->name + strlen("rain_") : metric->name);
	buffer_putc(group, ' ');
	words_value(group, metric, value, WORDS_EN);
}

static bool group_is_full(const struct table *table, const char *tail)
{
	enum { NEXT_VALUE = 16 };
	size_t room = table->columns - INDENT - SENSOR_COLUMNS -
		(table->source ? AGE_COLUMNS : 0);

	return utf8_width(buffer_text(&table->group)) + strlen(tail) + NEXT_VALUE > room;
}

/* Puts the sums of rain among VALUES, or what is none. False when there were none. */
static bool put_values(struct table *table, const char *sensor,
	const struct latest_value *const values[], size_t count, bool sums)
{
	struct buffer tail, last;
	const char *sgr = NULL;
	bool any = false;

	buffer_init(&tail, 256);
	buffer_init(&last, 256);
	for (size_t i = 0; i < count; i++) {
		const struct latest_value *value = values[i];
		const struct metric *metric = metric_by_id(value->reading.metric);

		if (!metric || stations_is_rain_sum(metric->id) != sums ||
			!is_shown(metric->id))
			continue;
		tail_of(table, sensor, value, metric, &tail);
		if (strcmp(buffer_text(&tail), buffer_text(&last)) != 0 ||
			group_is_full(table, buffer_text(&last)))
			put_group(table, buffer_text(&last), sgr);
		buffer_clear(&last);
		buffer_puts(&last, buffer_text(&tail));
		sgr = sgr_of(value,
			view_is_current(table->view, sensor, value, table->now_ms));
		join_group(table, metric, value->reading.value);
		any = true;
	}
	put_group(table, buffer_text(&last), sgr);
	buffer_free(&tail);
	buffer_free(&last);
	return any;
}

static bool has_sums(const struct latest_value *const values[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (stations_is_rain_sum(values[i]->reading.metric))
			return true;
	return false;
}

/* --- stations ------------------------------------------------------------ */

static void begin(void *arg, const struct station_view *station)
{
	struct table *table = arg;
	struct buffer text;

	buffer_init(&text, 1024);
	words_plain(&text, station->id);
	if (strcmp(station->id, station->name) != 0) {
		buffer_puts(&text, "  ");
		words_plain(&text, station->name);
	}
	put(table, buffer_text(&text), "1");
	end_line(table);
	buffer_free(&text);
}

static void sensor(void *arg, const struct latest_source *source)
{
	struct table *table = arg;
	const struct latest_value *values[READINGS_MAX];
	size_t count = stations_order(source, values);
	struct buffer name;

	buffer_init(&name, 512);
	words_plain(&name, source->sensor);
	table->source = source;
	pad_to(table, INDENT);
	put(table, buffer_text(&name), NULL);
	if (table->width >= INDENT + SENSOR_COLUMNS)
		pad_to(table, table->width + 1);
	pad_to(table, INDENT + SENSOR_COLUMNS);
	bool more = put_values(table, source->sensor, values, count, false);
	if (more && has_sums(values, count)) {
		end_line(table);
		pad_to(table, INDENT + SENSOR_COLUMNS);
	}
	put_values(table, source->sensor, values, count, true);
	end_line(table);
	buffer_free(&name);
}

static void end(void *arg, const struct station_view *station, int64_t newest_ms)
{
	struct table *table = arg;

	(void)station;
	if (newest_ms == 0) {
		put(table, "  no data yet", "2");
		end_line(table);
	}
}

void table_render(const struct gateway_view *view, int columns, int rows, bool colour,
	struct buffer *out)
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
		.rows = rows > 0 ? (size_t)rows - 1 : SIZE_MAX,
		.colour = colour,
		.now_ms = clock_wall_ms(),
	};
	char more[80];

	buffer_init(&table.line, LINE_MAX);
	buffer_init(&table.group, LINE_MAX);
	stations_walk(view, NULL, &visitor, &table);
	if (table.hidden > 0) {
		snprintf(more, sizeof more, "  … and %zu lines more; the page shows all",
			table.hidden);
		table.rows = 1;
		put(&table, more, "2");
		end_line(&table);
	}
	buffer_free(&table.group);
	buffer_free(&table.line);
}
