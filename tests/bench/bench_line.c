/*
 * What a line costs: encoding alone, and encoding with deflate in batches as
 * outputs/influxdb.c makes them.
 *
 *   cc -O2 -D_GNU_SOURCE -I. tests/bench/bench_line.c build/libmuabui.a -lz -lm -lpthread
 *   ./a.out [LINES [LEVEL WINDOW_BITS MEM_LEVEL]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "core/metric.h"
#include "core/number.h"
#include "outputs/line_protocol.h"

enum { BATCH = 5000, STATIONS = 100, REPORTS = 1000 };

static struct report reports[REPORTS];

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double tenth(unsigned *seed, int low, int high)
{
	*seed = *seed * 1103515245u + 12345u;
	int steps = (high - low) * 10;
	return (low * 10 + (int)(*seed >> 8) % steps) / 10.0;
}

static void make_reports(void)
{
	unsigned seed = 1;

	for (int i = 0; i < REPORTS; i++) {
		struct report *report = &reports[i];
		report_init(report);
		snprintf(report->station, NAME_SIZE, "HN-%04d", i % STATIONS);
		snprintf(report->sensor, NAME_SIZE, "nodes");
		report->time_ms = 1795300000000 + i * 37;
		report_add(report, METRIC_PM25, tenth(&seed, 5, 90));
		report_add(report, METRIC_PM10, tenth(&seed, 10, 160));
		report_add(report, METRIC_TEMPERATURE, tenth(&seed, 15, 40));
		report_add(report, METRIC_HUMIDITY, tenth(&seed, 40, 100));
		report_add(report, METRIC_PRESSURE, tenth(&seed, 990, 1020));
		for (int k = 0; k < report->count; k++)
			report->readings[k].flag =
				i % 50 == 0 && k == 0 ? FLAG_SUSPECT : FLAG_GOOD;
	}
}

static size_t deflate_batch(
	z_stream *z, const struct buffer *text, unsigned char *out, size_t room)
{
	deflateReset(z);
	z->next_in = (unsigned char *)text->data;
	z->avail_in = (unsigned)text->length;
	z->next_out = out;
	z->avail_out = (unsigned)room;
	deflate(z, Z_FINISH);
	return room - z->avail_out;
}

int main(int argc, char **argv)
{
	long lines = argc > 1 ? strtol(argv[1], NULL, 10) : 1000000;
	int level = argc > 4 ? (int)strtol(argv[2], NULL, 10) : 1;
	int window = argc > 4 ? (int)strtol(argv[3], NULL, 10) : 15;
	int memory = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 8;
	struct line_encoder *encoder = line_encoder_new(LINE_INFLUX_1_2);
	struct buffer text;
	z_stream z = { 0 };
	static unsigned char packed[2 * 1024 * 1024];
	size_t raw = 0, small = 0;

	make_reports();
	buffer_init(&text, 2 * 1024 * 1024);
	for (int pass = 0; pass < 2; pass++) {
		double start = now_ns();
		for (long i = 0; i < lines; i++) {
			if (i % BATCH == 0)
				buffer_clear(&text);
			line_encode(encoder, i % STATIONS, &reports[i % REPORTS], &text);
		}
		if (pass > 0)
			printf("encode: %.0f ns per line of 5 values\n",
				(now_ns() - start) / (double)lines);
	}
	deflateInit2(&z, level, Z_DEFLATED, window + 16, memory, Z_DEFAULT_STRATEGY);
	double start = now_ns();
	buffer_clear(&text);
	for (long i = 0; i < lines; i++) {
		line_encode(encoder, i % STATIONS, &reports[i % REPORTS], &text);
		if (i % BATCH == BATCH - 1) {
			raw += text.length;
			small += deflate_batch(&z, &text, packed, sizeof packed);
			buffer_clear(&text);
		}
	}
	printf("encode + deflate(%d, %d, %d): %.0f ns per line, %.1f bytes of %.1f\n",
		level, window, memory, (now_ns() - start) / (double)lines,
		(double)small / lines, (double)raw / lines);

	double sum = 0;
	char number[LINE_NUMBER_SIZE];
	start = now_ns();
	for (long i = 0; i < lines; i++)
		sum += (double)number_format(
			number, reports[i % REPORTS].readings[i % 5].value);
	printf("number_format: %.0f ns (%.0f)\n", (now_ns() - start) / (double)lines,
		sum);
	start = now_ns();
	for (long i = 0; i < lines; i++)
		sum += (double)line_number(
			number, reports[i % REPORTS].readings[i % 5].value);
	printf("line_number: %.0f ns (%.0f)\n", (now_ns() - start) / (double)lines, sum);
	deflateEnd(&z);
	buffer_free(&text);
	line_encoder_free(encoder);
	return 0;
}
