#include "derive/rain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/metric.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

const struct rain_window rain_windows[RAIN_WINDOWS] = {
	{ METRIC_RAIN_10M, 10 * MINUTE },
	{ METRIC_RAIN_30M, 30 * MINUTE },
	{ METRIC_RAIN_1H, HOUR },
	{ METRIC_RAIN_3H, 3 * HOUR },
	{ METRIC_RAIN_6H, 6 * HOUR },
	{ METRIC_RAIN_12H, 12 * HOUR },
	{ METRIC_RAIN_24H, 24 * HOUR },
	{ METRIC_RAIN_48H, 48 * HOUR },
	{ METRIC_RAIN_72H, 72 * HOUR },
};

static const double nm_per_mm = 1e6;
static const int64_t gap_ms = 15 * MINUTE;
static const double plausible_mm_per_h = 1000;
static const double plausible_mm = 5; /* a bucket may have filled up unseen */
/* A tip a second for three days: what is beyond is not rain. */
static const size_t tips_max = 3 * 24 * 3600;

void rain_init(struct rain_gauge *gauge, double modulus)
{
	*gauge = (struct rain_gauge){ .modulus = modulus };
}

void rain_free(struct rain_gauge *gauge)
{
	free(gauge->tips);
	rain_init(gauge, gauge->modulus);
}

static bool is_plausible(double mm, int64_t elapsed_ms)
{
	double hours = elapsed_ms > 0 ? (double)elapsed_ms / (double)HOUR : 0;

	return mm <= plausible_mm + plausible_mm_per_h * hours;
}

/* Differences of decimals, without the dust of binary fractions. */
static double difference(double a, double b)
{
	return nearbyint((a - b) * nm_per_mm) / nm_per_mm;
}

static enum rain_verdict judge(const struct rain_gauge *gauge, int64_t elapsed_ms,
	double total, double *increment)
{
	double delta = difference(total, gauge->total), half = gauge->modulus / 2;

	*increment = 0;
	if (delta >= 0) {
		*increment = delta;
		return is_plausible(delta, elapsed_ms) ? RAIN_CREDITED : RAIN_IMPLAUSIBLE;
	}
	double over = delta + gauge->modulus;
	if (half > 0 && gauge->total > half && total < half && over >= 0 &&
		is_plausible(over, elapsed_ms)) {
		*increment = difference(over, 0);
		return RAIN_WRAPPED;
	}
	return RAIN_RESET;
}

enum rain_verdict rain_credit(
	struct rain_gauge *gauge, int64_t time_ms, double total, double *increment)
{
	enum rain_verdict verdict = RAIN_BASELINE;

	*increment = 0;
	if (gauge->has_total)
		verdict = judge(gauge, time_ms - gauge->total_ms, total, increment);
	gauge->has_total = true;
	gauge->total = total;
	gauge->total_ms = time_ms;
	return verdict;
}

/* The index of the first tip after TIME_MS. */
static size_t first_after(const struct rain_gauge *gauge, int64_t time_ms)
{
	size_t low = 0, high = gauge->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (gauge->tips[middle].time_ms <= time_ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void sum_anew(struct rain_gauge *gauge)
{
	for (size_t w = 0; w < RAIN_WINDOWS; w++) {
		size_t at =
			first_after(gauge, gauge->last_ms - rain_windows[w].length_ms);

		gauge->starts[w] = at;
		gauge->sums[w] = 0;
		for (; at < gauge->count; at++)
			gauge->sums[w] += gauge->tips[at].nm;
	}
}

static void forget_old_tips(struct rain_gauge *gauge)
{
	size_t old = gauge->starts[RAIN_WINDOWS - 1];

	/* Moving all costs: wait until half is old, or there is nothing to move. */
	if (old == 0 || (old < gauge->count / 2 && old < 1024))
		return;
	gauge->count -= old;
	memmove(gauge->tips, gauge->tips + old, gauge->count * sizeof *gauge->tips);
	for (size_t w = 0; w < RAIN_WINDOWS; w++)
		gauge->starts[w] -= old;
}

/* Lets the windows' starts follow last_ms. */
static void leave_behind(struct rain_gauge *gauge)
{
	for (size_t w = 0; w < RAIN_WINDOWS; w++) {
		int64_t start_ms = gauge->last_ms - rain_windows[w].length_ms;

		while (gauge->starts[w] < gauge->count &&
			gauge->tips[gauge->starts[w]].time_ms <= start_ms)
			gauge->sums[w] -= gauge->tips[gauge->starts[w]++].nm;
	}
	forget_old_tips(gauge);
}

static bool insert_tip(struct rain_gauge *gauge, size_t at, struct rain_tip tip)
{
	if (gauge->count >= tips_max)
		return false;
	if (gauge->count == gauge->capacity) {
		size_t capacity = gauge->capacity ? gauge->capacity * 2 : 8;
		struct rain_tip *tips = realloc(gauge->tips, capacity * sizeof *tips);
		if (!tips)
			return false;
		gauge->tips = tips;
		gauge->capacity = capacity;
	}
	memmove(gauge->tips + at + 1, gauge->tips + at,
		(gauge->count - at) * sizeof *gauge->tips);
	gauge->tips[at] = tip;
	gauge->count++;
	return true;
}

static bool add_newest(struct rain_gauge *gauge, struct rain_tip tip)
{
	if (!insert_tip(gauge, gauge->count, tip))
		return false;
	for (size_t w = 0; w < RAIN_WINDOWS; w++)
		gauge->sums[w] += tip.nm;
	return true;
}

bool rain_observe(struct rain_gauge *gauge, int64_t time_ms, double mm)
{
	struct rain_tip tip = {
		.time_ms = time_ms,
		.nm = (int64_t)nearbyint(mm * nm_per_mm),
	};

	if (gauge->last_ms == 0 || time_ms - gauge->last_ms > gap_ms)
		gauge->covered_ms = time_ms;
	if (time_ms >= gauge->last_ms) {
		gauge->last_ms = time_ms;
		leave_behind(gauge);
		return tip.nm == 0 || add_newest(gauge, tip);
	}
	if (tip.nm == 0 ||
		time_ms <= gauge->last_ms - rain_windows[RAIN_WINDOWS - 1].length_ms)
		return true;
	bool added = insert_tip(gauge, first_after(gauge, time_ms), tip);
	sum_anew(gauge);
	return added;
}

static void shift(int64_t *time_ms, int64_t since_ms, int64_t by_ms)
{
	if (*time_ms > since_ms)
		*time_ms += by_ms;
}

void rain_shift(struct rain_gauge *gauge, int64_t since_ms, int64_t by_ms)
{
	size_t at = first_after(gauge, since_ms);
	/* Between what is shifted and what is not, a step forward tears a gap. */
	bool torn = gauge->last_ms > since_ms && by_ms > gap_ms;

	for (; at < gauge->count; at++) {
		gauge->tips[at].time_ms += by_ms;
		if (at > 0 && gauge->tips[at].time_ms < gauge->tips[at - 1].time_ms)
			gauge->tips[at].time_ms = gauge->tips[at - 1].time_ms;
	}
	if (torn && gauge->covered_ms <= since_ms)
		gauge->covered_ms = since_ms + by_ms;
	else
		shift(&gauge->covered_ms, since_ms, by_ms);
	shift(&gauge->total_ms, since_ms, by_ms);
	shift(&gauge->last_ms, since_ms, by_ms);
	if (gauge->count > 0 && gauge->last_ms < gauge->tips[gauge->count - 1].time_ms)
		gauge->last_ms = gauge->tips[gauge->count - 1].time_ms;
	sum_anew(gauge);
}

void rain_forget(struct rain_gauge *gauge, int64_t time_ms)
{
	struct rain_gauge old = *gauge;

	rain_free(gauge);
	gauge->has_total = old.has_total;
	gauge->total = old.total;
	gauge->total_ms = time_ms;
}

double rain_sum(const struct rain_gauge *gauge, size_t index)
{
	return (double)gauge->sums[index] / nm_per_mm;
}

bool rain_is_complete(const struct rain_gauge *gauge, size_t index)
{
	return gauge->last_ms - gauge->covered_ms >= rain_windows[index].length_ms;
}

/* --- state ------------------------------------------------------------ */

/* Of this machine only: the file stays with the box that wrote it. */
struct saved {
	uint32_t version;
	uint32_t has_total;
	double total;
	int64_t total_ms, covered_ms, last_ms;
	uint64_t count;
};

enum { SAVED_VERSION = 1 };

void rain_save(const struct rain_gauge *gauge, struct buffer *out)
{
	size_t first = gauge->starts[RAIN_WINDOWS - 1];
	struct saved saved = {
		.version = SAVED_VERSION,
		.has_total = gauge->has_total,
		.total = gauge->total,
		.total_ms = gauge->total_ms,
		.covered_ms = gauge->covered_ms,
		.last_ms = gauge->last_ms,
		.count = gauge->count - first,
	};

	buffer_append(out, &saved, sizeof saved);
	if (saved.count > 0)
		buffer_append(
			out, gauge->tips + first, saved.count * sizeof *gauge->tips);
}

bool rain_load(struct rain_gauge *gauge, const void *bytes, size_t length)
{
	struct saved saved;

	rain_free(gauge);
	if (length < sizeof saved)
		return false;
	memcpy(&saved, bytes, sizeof saved);
	if (saved.version != SAVED_VERSION || saved.count > tips_max ||
		length != sizeof saved + saved.count * sizeof *gauge->tips)
		return false;
	if (saved.count > 0) {
		gauge->tips = malloc(saved.count * sizeof *gauge->tips);
		if (!gauge->tips)
			return false;
		memcpy(gauge->tips, (const char *)bytes + sizeof saved,
			saved.count * sizeof *gauge->tips);
	}
	gauge->count = gauge->capacity = saved.count;
	gauge->has_total = saved.has_total;
	gauge->total = saved.total;
	gauge->total_ms = saved.total_ms;
	gauge->covered_ms = saved.covered_ms;
	gauge->last_ms = saved.last_ms;
	sum_anew(gauge);
	return true;
}
