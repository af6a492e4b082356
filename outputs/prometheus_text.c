#include <math.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "outputs/prometheus.h"
#include "outputs/remote_write.pb-c.h"

/* --- names ------------------------------------------------------------------ */

/* Units are spelt out in names, as the naming practice of Prometheus asks. */
static const struct {
	const char *unit, *words;
} units[] = {
	{ "µg/m³", "micrograms_per_cubic_meter" },
	{ "ppm", "parts_per_million" },
	{ "ppb", "parts_per_billion" },
	{ "mm", "millimeters" },
	{ "mm/h", "millimeters_per_hour" },
	{ "m", "meters" },
	{ "m/s", "meters_per_second" },
	{ "°C", "celsius" },
	{ "°", "degrees" },
	{ "%", "percent" },
	{ "hPa", "hectopascals" },
	{ "dB", "decibels" },
	{ "W/m²", "watts_per_square_meter" },
	{ "lx", "lux" },
	{ "V", "volts" },
	{ "index", "" }, /* they have none */
	{ "1", "" },
};

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* '_' and TEXT: what a name may hold stays, each run of anything else is one '_'. */
static void add_words(char name[static PROMETHEUS_NAME_SIZE], const char *text)
{
	size_t used = strlen(name);

	if (used + 2 < PROMETHEUS_NAME_SIZE)
		name[used++] = '_';
	for (; *text && used + 2 < PROMETHEUS_NAME_SIZE; text++) {
		if (is_letter_or_digit(*text))
			name[used++] = *text;
		else if (name[used - 1] != '_')
			name[used++] = '_';
	}
	while (name[used - 1] == '_')
		used--;
	name[used] = '\0';
}

void prometheus_name(const struct metric *metric, char name[static PROMETHEUS_NAME_SIZE])
{
	const char *words = metric->unit;

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (strcmp(units[i].unit, metric->unit) == 0)
			words = units[i].words;
	snprintf(name, PROMETHEUS_NAME_SIZE, "muabui");
	add_words(name, metric->name);
	add_words(name, words);
}

/* --- samples as text ---------------------------------------------------------- */

static void add_label(struct buffer *out, char before, const char *name, const char *text)
{
	buffer_printf(out, "%c%s=\"", before, name);
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			buffer_putc(out, '\\');
		buffer_putc(out, *text);
	}
	buffer_putc(out, '"');
}

void prometheus_encode(
	const struct report *report, const struct station_config *own, struct buffer *out)
{
	bool is_own = *own->area && strcmp(own->id, report->station) == 0;
	char name[PROMETHEUS_NAME_SIZE], number[NUMBER_TEXT_SIZE];

	/* What takes the place of a sample is refused: it is there already. */
	if (report->marks & (REPORT_RETAINED | REPORT_REVISED))
		return;
	for (size_t i = 0; i < report->count; i++) {
		const struct reading *reading = &report->readings[i];
		const struct metric *metric = metric_by_id(reading->metric);

		if (!metric || !reading_is_usable(report, reading) ||
			!isfinite(reading->value))
			continue;
		prometheus_name(metric, name);
		buffer_puts(out, name);
		if (is_own)
			add_label(out, '{', "area", own->area);
		add_label(out, is_own ? ',' : '{', "sensor", report->sensor);
		add_label(out, ',', "station", report->station);
		number_format(number, reading->value);
		buffer_printf(out, "} %s %lld\n", number, (long long)report->time_ms);
	}
}

/* --- requests ------------------------------------------------------------------ */

enum { LABELS_MAX = 4 };

/* One line. */
struct sample {
	const char *series; /* up to the brace that ends it */
	size_t length;
	double value;
	int64_t time_ms;
};

/* The memory of a request in the making. */
struct draft {
	struct sample *samples;
	size_t count, series_count;
	char *names; /* labels' values without their escapes, ended by NUL */
	RemoteWrite__TimeSeries *series, **series_list;
	RemoteWrite__Label *labels, **label_list;
	RemoteWrite__Sample *values, **value_list;
};

/* Where the brace is that ends the labels: one within a value stands in quotes. */
static const char *find_brace(const char *text, const char *end)
{
	bool quoted = false;

	for (; text < end; text++) {
		if (*text == '\\')
			text++;
		else if (*text == '"')
			quoted = !quoted;
		else if (*text == '}' && !quoted)
			return text;
	}
	return NULL;
}

static bool read_line(const char *line, const char *end, struct sample *sample)
{
	const char *brace = find_brace(line, end);
	size_t length;

	if (!brace || end - brace < 3)
		return false;
	sample->series = line;
	sample->length = (size_t)(brace - line);
	length = number_scan(brace + 2, (size_t)(end - brace) - 2, &sample->value);
	if (length == 0)
		return false;
	sample->time_ms = strtoll(brace + 2 + length, NULL, 10); /* ends at '\n' */
	return true;
}

static int compare(const void *one, const void *other)
{
	const struct sample *a = one, *b = other;
	size_t common = a->length < b->length ? a->length : b->length;
	int order = memcmp(a->series, b->series, common);

	if (order == 0)
		order = (a->length > b->length) - (a->length < b->length);
	if (order == 0)
		order = (a->time_ms > b->time_ms) - (a->time_ms < b->time_ms);
	if (order == 0) /* as they came */
		order = (a->series > b->series) - (a->series < b->series);
	return order;
}

static bool same_series(const struct sample *a, const struct sample *b)
{
	return a->length == b->length && memcmp(a->series, b->series, a->length) == 0;
}

static bool read_samples(struct draft *draft, const char *text, size_t length)
{
	const char *end = text + length;
	size_t lines = 0;

	for (const char *c = text; c < end && (c = memchr(c, '\n', (size_t)(end - c)));
		c++)
		lines++;
	draft->samples = calloc(lines + 1, sizeof *draft->samples);
	if (!draft->samples)
		return false;
	for (const char *stop; text < end; text = stop + 1) {
		stop = memchr(text, '\n', (size_t)(end - text));
		if (!stop)
			break;
		draft->count += read_line(text, stop, &draft->samples[draft->count]);
	}
	qsort(draft->samples, draft->count, sizeof *draft->samples, compare);
	for (size_t i = 0; i < draft->count; i++)
		draft->series_count += i == 0 ||
			!same_series(&draft->samples[i - 1], &draft->samples[i]);
	return true;
}

static bool make_room(struct draft *draft, size_t length)
{
	size_t series = draft->series_count + 1, labels = series * LABELS_MAX;
	size_t samples = draft->count + 1;

	/* Each name and value gets a NUL in place of a quote or brace that goes. */
	draft->names = malloc(length + labels + 1);
	draft->series = calloc(series, sizeof *draft->series);
	draft->series_list = calloc(series, sizeof *draft->series_list);
	draft->labels = calloc(labels, sizeof *draft->labels);
	draft->label_list = calloc(labels, sizeof *draft->label_list);
	draft->values = calloc(samples, sizeof *draft->values);
	draft->value_list = calloc(samples, sizeof *draft->value_list);
	return draft->names && draft->series && draft->series_list && draft->labels &&
		draft->label_list && draft->values && draft->value_list;
}

static void free_draft(struct draft *draft)
{
	free(draft->samples);
	free(draft->names);
	free(draft->series);
	free(draft->series_list);
	free(draft->labels);
	free(draft->label_list);
	free(draft->values);
	free(draft->value_list);
}

/* TEXT up to one of STOPS that is not escaped goes to *NAMES, with a NUL. */
static const char *copy_up_to(
	char **names, const char *text, const char *end, const char *stops)
{
	while (text < end && !strchr(stops, *text)) {
		if (*text == '\\' && text + 1 < end)
			text++;
		*(*names)++ = *text++;
	}
	*(*names)++ = '\0';
	return text;
}

static void add_text_label(RemoteWrite__TimeSeries *series, char *name, char *value)
{
	RemoteWrite__Label *label = series->labels[series->n_labels++];

	remote_write__label__init(label);
	label->name = name;
	label->value = value;
}

/* name{label="value",… — as it is written, its labels are sorted. */
static void take_labels(
	RemoteWrite__TimeSeries *series, const struct sample *sample, char **names)
{
	static char name_label[] = "__name__";
	const char *at = sample->series, *end = at + sample->length;
	char *value = *names;

	at = copy_up_to(names, at, end, "{");
	add_text_label(series, name_label, value);
	while (at < end && series->n_labels < LABELS_MAX) {
		char *name = *names;

		at = copy_up_to(names, at + 1, end, "=");
		value = *names;
		at = copy_up_to(names, at + 2 < end ? at + 2 : end, end, "\"");
		add_text_label(series, name, value);
		at++;
	}
}

static void fill(struct draft *draft, RemoteWrite__WriteRequest *request)
{
	RemoteWrite__TimeSeries *series = NULL;
	char *names = draft->names;

	for (size_t i = 0; i < draft->count; i++) {
		const struct sample *sample = &draft->samples[i];
		RemoteWrite__Sample *value = draft->value_list[i] = &draft->values[i];

		if (i == 0 || !same_series(sample - 1, sample)) {
			size_t n = request->n_timeseries++;
			series = draft->series_list[n] = &draft->series[n];
			remote_write__time_series__init(series);
			series->labels = &draft->label_list[n * LABELS_MAX];
			for (size_t k = 0; k < LABELS_MAX; k++)
				series->labels[k] = &draft->labels[n * LABELS_MAX + k];
			series->samples = &draft->value_list[i];
			take_labels(series, sample, &names);
		}
		remote_write__sample__init(value);
		value->value = sample->value;
		value->timestamp = sample->time_ms;
		series->n_samples++;
	}
	request->timeseries = draft->series_list;
}

static bool pack(const RemoteWrite__WriteRequest *request, struct buffer *plain,
	struct buffer *out)
{
	size_t length = remote_write__write_request__get_packed_size(request);
	size_t most = snappy_max_compressed_length(length);

	buffer_clear(plain);
	buffer_clear(out);
	char *bytes = buffer_reserve(plain, length + 1);
	char *packed = buffer_reserve(out, most);
	if (!bytes || !packed)
		return false;
	remote_write__write_request__pack(request, (uint8_t *)bytes);
	buffer_advance(plain, length);
	if (snappy_compress(bytes, length, packed, &most) != SNAPPY_OK)
		return false;
	buffer_advance(out, most);
	return true;
}

bool prometheus_request(
	const char *text, size_t length, struct buffer *plain, struct buffer *out)
{
	RemoteWrite__WriteRequest request = REMOTE_WRITE__WRITE_REQUEST__INIT;
	struct draft draft = { .samples = NULL };
	bool made = false;

	if (read_samples(&draft, text, length) && make_room(&draft, length)) {
		fill(&draft, &request);
		made = pack(&request, plain, out);
	}
	free_draft(&draft);
	return made;
}
