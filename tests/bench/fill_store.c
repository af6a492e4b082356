/*
 * Writes reports into a new store, as a gateway leaves them after an outage: each of
 * READINGS readings, the last one of them the metric "seq" with a number from 0 on, from
 * 100 stations in turn, 40 ms apart, the newest of them just now.
 *
 * usage: fill_store PATH REPORTS READINGS
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/metric.h"
#include "store/codec.h"
#include "store/reports.h"
#include "store/state.h"
#include "store/store.h"

enum { STATIONS = 100, STEP_MS = 40, AT_ONCE = 20000 };

static void make(struct report *report, int readings, long number)
{
	const struct metric *seq = metric_find("seq");

	report_init(report);
	for (int i = 1; i < readings; i++) {
		report_add(
			report, (uint16_t)i, (double)((number * 7 + i * 13) % 1000) / 10);
		report->readings[i - 1].flag = FLAG_GOOD;
	}
	report_add(report, seq->id, (double)number);
	report->readings[readings - 1].flag = FLAG_GOOD;
}

static int fill(struct store *store, long count, int readings)
{
	int64_t first_ms = clock_wall_ms() - count * STEP_MS, id = 0;
	uint8_t packed[CODEC_MAX];
	struct report report;

	for (long number = 0; number < count; number++) {
		char station[16];
		int64_t source;

		if (number % AT_ONCE == 0 && store_begin(store) < 0)
			return -1;
		snprintf(station, sizeof station, "S%02ld", number % STATIONS);
		make(&report, readings, number);
		size_t length = codec_pack(&report, packed);
		if (store_source(store, station, "air", &source) < 0 ||
			store_append(store, source, first_ms + number * STEP_MS, packed,
				length, &id) < 0)
			return -1;
		if ((number % AT_ONCE == AT_ONCE - 1 || number == count - 1) &&
			(store_set_mark(store, STORE_MERGED_ID, id) < 0 ||
				store_commit(store) < 0))
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	char why[256];

	if (argc != 4)
		return 2;
	metric_declare(&(struct metric){
		.name = "seq", .unit = "1", .min = 0, .max = 1e12, .decimals = 0 });
	struct store *store = store_open(argv[1], STORE_RECORDER, why, sizeof why);
	if (!store) {
		fprintf(stderr, "fill_store: %s\n", why);
		return 1;
	}
	int result =
		fill(store, strtol(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10));
	if (result < 0)
		fprintf(stderr, "fill_store: %s\n", store_error(store));
	store_close(store);
	return result < 0;
}
