/* The gauge's state as bytes: of this machine only, the file stays with the box. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "derive/rain_parts.h"

/* Version 1: windows without a list of gaps, and no odd reading. Tips follow. */
struct saved_1 {
	uint32_t version;
	uint32_t has_total;
	double total;
	int64_t total_ms, covered_ms, last_ms;
	uint64_t count;
};

/* Tips follow, then gaps. No padding: every byte of it is said. */
struct saved {
	uint32_t version;
	uint32_t has_total;
	uint64_t has_odd;
	double total, odd;
	int64_t total_ms, odd_ms;
	int64_t first_ms, last_ms;
	int64_t tip_ms, least_nm;
	double rate;
	uint64_t count, gaps;
};

enum { SAVED_VERSION = 2 };

void rain_save(const struct rain_gauge *gauge, struct buffer *out)
{
	const struct counter *counter = &gauge->counter;
	const struct coverage *coverage = &gauge->coverage;
	size_t first = gauge->starts[RAIN_LONGEST];
	struct saved saved = {
		.version = SAVED_VERSION,
		.has_total = counter->has_total,
		.has_odd = counter->has_odd,
		.total = counter->total,
		.odd = counter->odd,
		.total_ms = counter->total_ms,
		.odd_ms = counter->odd_ms,
		.first_ms = coverage->first_ms,
		.last_ms = coverage->last_ms,
		.tip_ms = gauge->tip_ms,
		.least_nm = gauge->least_nm,
		.rate = gauge->rate,
		.count = gauge->count - first,
		.gaps = coverage->count,
	};

	buffer_append(out, &saved, sizeof saved);
	if (saved.count > 0)
		buffer_append(
			out, gauge->tips + first, saved.count * sizeof *gauge->tips);
	if (saved.gaps > 0)
		buffer_append(out, coverage->gaps, saved.gaps * sizeof *coverage->gaps);
}

/* COUNT pieces of SIZE from BYTES; false when memory is out. */
static bool take(void **to, const char *bytes, size_t count, size_t size)
{
	*to = NULL;
	if (count == 0)
		return true;
	*to = malloc(count * size);
	if (*to)
		memcpy(*to, bytes, count * size);
	return *to != NULL;
}

/* What follows the head: SAVED says how much. */
static bool take_lists(struct rain_gauge *gauge, const struct saved *saved,
	const char *bytes, size_t length)
{
	size_t tips = sizeof(struct rain_tip), gaps = sizeof(struct coverage_gap);
	void *list;

	if (saved->count > RAIN_TIPS_MAX || saved->gaps > COVERAGE_GAPS_MAX ||
		length != saved->count * tips + saved->gaps * gaps)
		return false;
	if (!take(&list, bytes, saved->count, tips))
		return false;
	gauge->tips = list;
	gauge->count = gauge->capacity = saved->count;
	if (!take(&list, bytes + saved->count * tips, saved->gaps, gaps))
		return false;
	gauge->coverage.gaps = list;
	gauge->coverage.count = gauge->coverage.capacity = saved->gaps;
	return true;
}

static void take_head(struct rain_gauge *gauge, const struct saved *saved)
{
	struct counter *counter = &gauge->counter;

	counter->has_total = saved->has_total;
	counter->has_odd = saved->has_odd;
	counter->total = saved->total;
	counter->odd = saved->odd;
	counter->total_ms = saved->total_ms;
	counter->odd_ms = saved->odd_ms;
	gauge->coverage.first_ms = saved->first_ms;
	gauge->coverage.last_ms = saved->last_ms;
	gauge->tip_ms = saved->tip_ms;
	gauge->least_nm = saved->least_nm;
	gauge->rate = saved->rate;
}

/* Reads the head at the start of BYTES as of today. Its size, or 0: it is none. */
static size_t read_head(struct saved *saved, const char *bytes, size_t length)
{
	struct saved_1 old;
	uint32_t version;

	if (length < sizeof version)
		return 0;
	memcpy(&version, bytes, sizeof version);
	if (version == SAVED_VERSION && length >= sizeof *saved) {
		memcpy(saved, bytes, sizeof *saved);
		return sizeof *saved;
	}
	if (version != 1 || length < sizeof old)
		return 0;
	memcpy(&old, bytes, sizeof old);
	*saved = (struct saved){
		.has_total = old.has_total,
		.total = old.total,
		.total_ms = old.total_ms,
		.first_ms = old.covered_ms,
		.last_ms = old.last_ms,
		.rate = NAN,
		.count = old.count,
	};
	return sizeof old;
}

/* What version 1 did not say follows from its tips. */
static void look_at_tips(struct rain_gauge *gauge)
{
	for (size_t i = 0; i < gauge->count; i++) {
		const struct rain_tip *tip = &gauge->tips[i];

		if (gauge->least_nm == 0 || tip->nm < gauge->least_nm)
			gauge->least_nm = tip->nm;
		gauge->tip_ms = tip->time_ms;
	}
}

bool rain_load(struct rain_gauge *gauge, const void *bytes, size_t length)
{
	struct saved saved;
	size_t head = read_head(&saved, bytes, length);

	rain_free(gauge);
	if (head == 0)
		return false;
	if (!take_lists(gauge, &saved, (const char *)bytes + head, length - head)) {
		rain_free(gauge);
		return false;
	}
	take_head(gauge, &saved);
	if (saved.version != SAVED_VERSION)
		look_at_tips(gauge);
	rain_sum_anew(gauge);
	return true;
}

void rain_shift(struct rain_gauge *gauge, int64_t since_ms, int64_t by_ms)
{
	counter_shift(&gauge->counter, since_ms, by_ms);
	coverage_shift(&gauge->coverage, since_ms, by_ms, rain_least_gap(gauge));
	for (size_t i = 0; i < gauge->count; i++) {
		struct rain_tip *tip = &gauge->tips[i];

		if (tip->time_ms > since_ms)
			tip->time_ms += by_ms;
		/* A step backwards may not turn their order. */
		if (i > 0 && tip->time_ms < tip[-1].time_ms)
			tip->time_ms = tip[-1].time_ms;
	}
	if (gauge->tip_ms > since_ms)
		gauge->tip_ms += by_ms;
	if (gauge->count > 0 &&
		gauge->coverage.last_ms < gauge->tips[gauge->count - 1].time_ms)
		gauge->coverage.last_ms = gauge->tips[gauge->count - 1].time_ms;
	rain_sum_anew(gauge);
}

void rain_forget(struct rain_gauge *gauge, int64_t time_ms)
{
	struct counter counter = gauge->counter;

	rain_free(gauge);
	gauge->counter.has_total = counter.has_total;
	gauge->counter.total = counter.total;
	gauge->counter.total_ms = time_ms;
}
