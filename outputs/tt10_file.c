#include "outputs/tt10_file.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "config/connection.h"
#include "core/number.h"
#include "core/utf8.h"

static const int64_t minute_ms = 60 * 1000;
static const int64_t local_ms = 7 * 60 * 60 * 1000; /* Vietnam has no summer time */

size_t tt10_default_parameters(struct tt10_parameter parameters[TT10_PARAMETERS_MAX])
{
	static const struct {
		uint16_t metric;
		int decimals;
		double factor;
		const char *symbol, *unit;
	} rows[] = {
		{ METRIC_SO2, 1, 1.0, "SO2", "ug/Nm3" },
		{ METRIC_CO, 2, 0.001, "CO", "mg/Nm3" },
		{ METRIC_NO, 1, 1.0, "NO", "ug/Nm3" },
		{ METRIC_NO2, 1, 1.0, "NO2", "ug/Nm3" },
		{ METRIC_NOX, 1, 1.0, "NOx", "ug/Nm3" },
		{ METRIC_O3, 1, 1.0, "O3", "ug/Nm3" },
		{ METRIC_H2S, 1, 1.0, "H2S", "ug/Nm3" },
		{ METRIC_NH3, 1, 1.0, "NH3", "ug/Nm3" },
		{ METRIC_TSP, 1, 1.0, "PM", "ug/Nm3" },
		{ METRIC_PM10, 1, 1.0, "PM10", "ug/Nm3" },
		{ METRIC_PM25, 1, 1.0, "PM2,5", "ug/Nm3" },
		{ METRIC_TEMPERATURE, 1, 1.0, "Temp", "oC" },
		{ METRIC_HUMIDITY, 1, 1.0, "RH", "%" },
		{ METRIC_PRESSURE, 1, 1.0, "P", "hPa" },
	};
	size_t count = sizeof rows / sizeof *rows;

	for (size_t i = 0; i < count; i++)
		parameters[i] = (struct tt10_parameter){
			.metric = metric_by_id(rows[i].metric),
			.symbol = rows[i].symbol,
			.unit = rows[i].unit,
			.factor = rows[i].factor,
			.decimals = rows[i].decimals,
		};
	return count;
}

/* --- counting ------------------------------------------------------------ */

int64_t tt10_period_end(int64_t time_ms, int64_t period_ms)
{
	int64_t rest = (time_ms + local_ms) % period_ms;

	return rest == 0 ? time_ms : time_ms - rest + period_ms;
}

static void add(struct tt10_mean *mean, const struct report *report,
	const struct reading *reading, unsigned minute)
{
	mean->calibrating |= report->status == STATUS_CALIBRATING;
	if (!reading_is_usable(report, reading) || !isfinite(reading->value))
		return;
	mean->count++;
	mean->minutes |= UINT64_C(1) << minute;
	mean->sum += reading->value;
	if (reading->metric == METRIC_WIND_DIRECTION) {
		mean->x += cos(reading->value * M_PI / 180);
		mean->y += sin(reading->value * M_PI / 180);
	}
}

void tt10_period_add(const struct tt10_settings *settings, struct tt10_period *period,
	const struct report *report)
{
	int64_t before_ms = period->end_ms - report->time_ms;
	unsigned minute = (unsigned)(before_ms / minute_ms) % TT10_MINUTES_MAX;

	if (connection_has(settings->station) &&
		strcmp(settings->station, report->station) != 0)
		return;
	for (size_t i = 0; i < settings->count; i++) {
		const struct tt10_parameter *parameter = &settings->parameters[i];
		const struct reading *reading =
			report_find(report, parameter->metric->id);
		if (reading &&
			(!connection_has(parameter->sensor) ||
				strcmp(parameter->sensor, report->sensor) == 0))
			add(&period->means[i], report, reading, minute);
	}
}

uint32_t tt10_period_seen(const struct tt10_period *period)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < TT10_PARAMETERS_MAX; i++)
		seen |= (uint32_t)(period->means[i].count > 0) << i;
	return seen;
}

/* --- writing ------------------------------------------------------------- */

static void format_stamp(int64_t end_ms, char stamp[static 16])
{
	time_t local = (time_t)((end_ms + local_ms) / 1000);
	struct tm tm;

	gmtime_r(&local, &tm);
	strftime(stamp, 16, "%Y%m%d%H%M%S", &tm);
}

static double mean_value(
	const struct tt10_parameter *parameter, const struct tt10_mean *mean)
{
	double value = mean->sum / mean->count;

	if (parameter->metric->id == METRIC_RAIN)
		value = mean->sum;
	if (parameter->metric->id == METRIC_WIND_DIRECTION) {
		value = atan2(mean->y, mean->x) * 180 / M_PI;
		/* Rounded first: 359.96° is 0.0°, not 360.0°. */
		double unit = pow(10, parameter->decimals);
		value = fmod(round((value < 0 ? value + 360 : value) * unit) / unit, 360);
	}
	return value * parameter->factor + parameter->offset;
}

static bool is_complete(
	const struct tt10_settings *settings, const struct tt10_mean *mean)
{
	double share = 100.0 * __builtin_popcountll(mean->minutes) * (double)minute_ms /
		(double)settings->period_ms;

	return mean->count > 0 && share >= settings->completeness;
}

void tt10_write(const struct tt10_settings *settings, const struct tt10_period *period,
	uint32_t wanted, struct buffer *text)
{
	char stamp[16], value[NUMBER_TEXT_SIZE];

	format_stamp(period->end_ms, stamp);
	for (size_t i = 0; i < settings->count; i++) {
		const struct tt10_parameter *parameter = &settings->parameters[i];
		const struct tt10_mean *mean = &period->means[i];
		const char *status = mean->calibrating ? "01" : "02";

		if (!(wanted >> i & 1))
			continue;
		number_format(value, settings->placeholder);
		if (is_complete(settings, mean)) {
			status = "00";
			/* + 0.0: a rounded −0 would be written with its sign. */
			double unit = pow(10, parameter->decimals);
			double rounded =
				round(number_round(mean_value(parameter, mean), 15) *
					unit) /
					unit +
				0.0;
			snprintf(value, sizeof value, "%.*f", parameter->decimals,
				rounded);
		}
		buffer_printf(text, "%s\t%s\t%s\t%s\t%s%s", parameter->symbol, value,
			parameter->unit, stamp, status, settings->line_end);
	}
}

void tt10_name(const struct tt10_settings *settings, int64_t end_ms,
	char name[static TT10_NAME_SIZE])
{
	char stamp[16];

	format_stamp(end_ms, stamp);
	snprintf(name, TT10_NAME_SIZE, "%.*s_%s.txt", TT10_PREFIX_MAX, settings->prefix,
		stamp);
}

/* The length of the word that WITH stands for at TEXT, 0: none. */
static size_t expand(const struct tt10_settings *settings, const char *text,
	const char *stamp, struct buffer *with)
{
	if (strncmp(text, "YYYY", 4) == 0)
		return buffer_append(with, stamp, 4), 4;
	if (strncmp(text, "MM", 2) == 0)
		return buffer_append(with, stamp + 4, 2), 2;
	if (strncmp(text, "DD", 2) == 0)
		return buffer_append(with, stamp + 6, 2), 2;
	if (strncmp(text, "{name}", 6) == 0)
		return buffer_puts(with, settings->prefix), 6;
	return 0;
}

bool tt10_folder(const struct tt10_settings *settings, int64_t end_ms,
	char folder[static TT10_FOLDER_SIZE])
{
	struct buffer path;
	char stamp[16];

	format_stamp(end_ms, stamp);
	buffer_init(&path, TT10_FOLDER_SIZE - 1);
	for (const char *at = settings->folder; *at;) {
		size_t length = expand(settings, at, stamp, &path);
		if (length == 0)
			buffer_putc(&path, *at);
		at += length > 0 ? length : 1;
	}
	bool fits = !path.failed;
	snprintf(folder, TT10_FOLDER_SIZE, "%s", buffer_text(&path));
	buffer_free(&path);
	return fits;
}

/* --- words --------------------------------------------------------------- */

bool tt10_prefix_is_valid(const char *prefix)
{
	size_t length = strlen(prefix);
	int parts = 1;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)prefix[i];
		if (c == '_' && i > 0 && prefix[i - 1] != '_' && i + 1 < length)
			parts++;
		else if (c >= 0x80 || !(isalnum(c) || c == '-'))
			return false;
	}
	return parts == 3 && length <= TT10_PREFIX_MAX;
}

bool tt10_word_is_valid(const char *text)
{
	size_t length = strlen(text), size;

	for (size_t i = 0; i < length; i += size) {
		unsigned char c = (unsigned char)text[i];
		size = utf8_char_length(text + i, length - i);
		if (size == 0 || c <= ' ' || c == 0x7f)
			return false;
		/* No-break and ideographic spaces are white space to a Python split(). */
		if (size > 1 &&
			(memcmp(text + i, "\xc2\xa0", 2) == 0 ||
				(c == 0xe2 && (unsigned char)text[i + 1] == 0x80) ||
				strncmp(text + i, "\xe3\x80\x80", 3) == 0))
			return false;
	}
	return length > 0;
}
