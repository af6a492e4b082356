#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outputs/prometheus.h"
#include "outputs/remote_write.pb-c.h"

static const struct station_config own = { .id = "s", .name = "S", .area = "a\\" };

/* --- names -------------------------------------------------------------------- */

static void expect_name(const char *metric, const char *unit, const char *name)
{
	const struct metric made = { .name = metric, .unit = unit };
	char got[PROMETHEUS_NAME_SIZE];

	prometheus_name(&made, got);
	assert_string_equal(got, name);
}

static void test_names(void **state)
{
	char much[400];

	(void)state;
	expect_name("pm25", "µg/m³", "muabui_pm25_micrograms_per_cubic_meter");
	expect_name("rain_rate", "mm/h", "muabui_rain_rate_millimeters_per_hour");
	expect_name("vn_aqi", "index", "muabui_vn_aqi");
	expect_name("level", "kg/m²·s", "muabui_level_kg_m_s");
	expect_name("level", "µ", "muabui_level");
	memset(much, 'u', sizeof much - 1);
	much[sizeof much - 1] = '\0';
	const struct metric made = { .name = "x", .unit = much };
	char got[PROMETHEUS_NAME_SIZE];
	prometheus_name(&made, got);
	assert_true(strlen(got) < sizeof got);
}

/* Every metric of the table has a name of Prometheus' own characters, all distinct. */
static void test_names_of_all_metrics(void **state)
{
	const struct metric *metric = NULL, *other = NULL;
	char one[PROMETHEUS_NAME_SIZE], two[PROMETHEUS_NAME_SIZE];
	size_t seen = 0;

	(void)state;
	while ((metric = metric_next(metric))) {
		prometheus_name(metric, one);
		assert_int_equal(strspn(one, "abcdefghijklmnopqrstuvwxyz_0123456789"),
			strlen(one));
		for (other = metric; (other = metric_next(other)); seen++) {
			prometheus_name(other, two);
			assert_string_not_equal(one, two);
		}
	}
	assert_true(seen > 100);
}

/* --- samples ------------------------------------------------------------------ */

static struct report report_of(const char *station, int64_t time_ms)
{
	struct report report;

	report_init(&report);
	snprintf(report.station, sizeof report.station, "%s", station);
	snprintf(report.sensor, sizeof report.sensor, "%s", "d\"}\\");
	report.time_ms = time_ms;
	return report;
}

static void put(struct report *report, uint16_t metric, double value, uint8_t flag)
{
	report_add(report, metric, value);
	report->readings[report->count - 1].flag = flag;
}

static void test_only_what_may_be_used(void **state)
{
	struct report report = report_of("s", 1795300000000);
	struct buffer out;

	(void)state;
	buffer_init(&out, 65536);
	put(&report, METRIC_PM25, 35.2, FLAG_GOOD);
	put(&report, METRIC_PM10, 60, FLAG_SUSPECT);
	put(&report, METRIC_PM1, 512, FLAG_FAIL);
	put(&report, METRIC_PM4, 0, FLAG_MISSING);
	put(&report, METRIC_TSP, NAN, FLAG_GOOD);
	prometheus_encode(&report, &own, &out);
	assert_string_equal(buffer_text(&out),
		"muabui_pm25_micrograms_per_cubic_meter{area=\"a\\\\\",sensor=\"d\\\"}\\\\\","
		"station=\"s\"} 35.2 1795300000000\n"
		"muabui_pm10_micrograms_per_cubic_meter{area=\"a\\\\\",sensor=\"d\\\"}\\\\\","
		"station=\"s\"} 60 1795300000000\n");

	buffer_clear(&out);
	report.status = STATUS_CALIBRATING;
	prometheus_encode(&report, &own, &out);
	report.status = STATUS_MEASURING;
	report.marks = REPORT_RETAINED;
	prometheus_encode(&report, &own, &out);
	report.marks = REPORT_REVISED | REPORT_BACKFILLED;
	prometheus_encode(&report, &own, &out);
	assert_int_equal(out.length, 0);
	buffer_free(&out);
}

/* --- requests ----------------------------------------------------------------- */

static RemoteWrite__WriteRequest *unpack(const struct buffer *packed)
{
	size_t length = 0;

	assert_int_equal(
		snappy_uncompressed_length(packed->data, packed->length, &length),
		SNAPPY_OK);
	char *plain = malloc(length + 1);
	assert_int_equal(snappy_uncompress(packed->data, packed->length, plain, &length),
		SNAPPY_OK);
	RemoteWrite__WriteRequest *request =
		remote_write__write_request__unpack(NULL, length, (uint8_t *)plain);
	free(plain);
	assert_non_null(request);
	return request;
}

static const char *label(const RemoteWrite__TimeSeries *series, const char *name)
{
	for (size_t i = 0; i < series->n_labels; i++) {
		if (i > 0)
			assert_true(strcmp(series->labels[i - 1]->name,
					    series->labels[i]->name) < 0);
		if (strcmp(series->labels[i]->name, name) == 0)
			return series->labels[i]->value;
	}
	return "";
}

static void test_requests(void **state)
{
	static const int64_t times[] = { 3000, 1000, 2000 }; /* one was back-filled */
	struct buffer text, plain, packed;

	(void)state;
	buffer_init(&text, 65536);
	buffer_init(&plain, 65536);
	buffer_init(&packed, 65536);
	for (size_t i = 0; i < 3; i++) {
		struct report ours = report_of("s", times[i]);
		struct report other = report_of("ŝ, \\", times[i]);
		put(&ours, METRIC_PM25, (double)times[i] / 8, FLAG_GOOD);
		put(&ours, METRIC_TEMPERATURE, -1.5, FLAG_NOT_EVALUATED);
		put(&other, METRIC_PM25, 7, FLAG_GOOD);
		prometheus_encode(&ours, &own, &text);
		prometheus_encode(&other, &own, &text);
	}
	assert_true(prometheus_request(text.data, text.length, &plain, &packed));
	RemoteWrite__WriteRequest *request = unpack(&packed);
	size_t found = 0;
	assert_int_equal(request->n_timeseries, 3);
	for (size_t i = 0; i < 3; i++) {
		const RemoteWrite__TimeSeries *series = request->timeseries[i];
		bool is_own = strcmp(label(series, "station"), "s") == 0;
		bool is_pm = strcmp(label(series, "__name__"),
				     "muabui_pm25_micrograms_per_cubic_meter") == 0;

		assert_int_equal(series->n_labels, is_own ? 4 : 3);
		assert_string_equal(label(series, "area"), is_own ? "a\\" : "");
		assert_string_equal(label(series, "sensor"), "d\"}\\");
		if (!is_own)
			assert_string_equal(label(series, "station"), "ŝ, \\");
		assert_int_equal(series->n_samples, 3);
		for (size_t k = 0; k < 3; k++) {
			const RemoteWrite__Sample *sample = series->samples[k];
			double value = !is_own ? 7
				: is_pm        ? (double)sample->timestamp / 8
					       : -1.5;
			assert_int_equal(sample->timestamp, 1000 * (k + 1));
			assert_true(sample->value == value);
		}
		found += is_own && is_pm;
	}
	assert_int_equal(found, 1);
	remote_write__write_request__free_unpacked(request, NULL);

	/* A limit that is met is no request cut short. */
	struct buffer small;
	buffer_init(&small, 16);
	assert_false(prometheus_request(text.data, text.length, &small, &packed));
	buffer_free(&small);
	buffer_free(&text);
	buffer_free(&plain);
	buffer_free(&packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_of_all_metrics),
		cmocka_unit_test(test_only_what_may_be_used),
		cmocka_unit_test(test_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
