#include "derive/rain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/metric.h"
#include "derive/rain_parts.h"

#define DAY (24 * RAIN_HOUR)

const struct rain_window rain_windows[RAIN_SUMS] = {
	{ METRIC_RAIN_10M, 10 * RAIN_MINUTE },
	{ METRIC_RAIN_30M, 30 * RAIN_MINUTE },
	{ METRIC_RAIN_1H, RAIN_HOUR },
	{ METRIC_RAIN_3H, 3 * RAIN_HOUR },
	{ METRIC_RAIN_6H, 6 * RAIN_HOUR },
	{ METRIC_RAIN_12H, 12 * RAIN_HOUR },
	{ METRIC_RAIN_24H, 24 * RAIN_HOUR },
	{ METRIC_RAIN_48H, 48 * RAIN_HOUR },
	{ METRIC_RAIN_72H, 72 * RAIN_HOUR },
	{ METRIC_RAIN_DAY, 0 },
};

static const double nm_per_mm = 1e6;
static const int64_t vietnam_ms = 7 * RAIN_HOUR; /* one zone, no summer time */

/* --- beginning and end -------------------------------------------------- */

void rain_init(struct rain_gauge *gauge, const struct rain_config *config, double modulus)
{
	int minutes = 0;

	if (!config)
		config = &rain_defaults;
	rain_day_starts(config->day_starts, &minutes);
	*gauge = (struct rain_gauge){
		.config = *config,
		.day_offset_ms = minutes * RAIN_MINUTE - vietnam_ms,
		.rate = NAN,
	};
	counter_init(&gauge->counter, config->modulus > 0 ? config->modulus : modulus,
		config->max_intensity, config->gap);
}

void rain_free(struct rain_gauge *gauge)
{
	struct rain_config config = gauge->config;

	free(gauge->tips);
	coverage_free(&gauge->coverage);
	rain_init(gauge, &config, gauge->counter.modulus);
}

int64_t rain_least_gap(const struct rain_gauge *gauge)
{
	int64_t shortest = rain_windows[0].length_ms;

	return gauge->config.gap < shortest ? gauge->config.gap : shortest;
}

/* --- the counter --------------------------------------------------------- */

struct counter_step rain_credit(struct rain_gauge *gauge, int64_t time_ms, double total)
{
	struct counter_step step = counter_take(&gauge->counter, time_ms, total);

	if (step.lost_ms > 0)
		rain_lose(gauge, step.lost_ms);
	if (step.watched_ms > gauge->coverage.last_ms)
		coverage_observe(
			&gauge->coverage, step.watched_ms, rain_least_gap(gauge));
	return step;
}

/* --- windows ------------------------------------------------------------- */

/* The start of the day that TIME_MS belongs to; a day's own start belongs to the one
 * before. */
static int64_t day_start(const struct rain_gauge *gauge, int64_t time_ms)
{
	int64_t since_start = (time_ms - 1 - gauge->day_offset_ms) % DAY;

	return time_ms - 1 - (since_start < 0 ? since_start + DAY : since_start);
}

static int64_t window_start(const struct rain_gauge *gauge, size_t index)
{
	int64_t last_ms = gauge->coverage.last_ms;

	return index == RAIN_DAY ? day_start(gauge, last_ms)
				 : last_ms - rain_windows[index].length_ms;
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

void rain_sum_anew(struct rain_gauge *gauge)
{
	for (size_t w = 0; w < RAIN_SUMS; w++) {
		size_t at = first_after(gauge, window_start(gauge, w));

		gauge->starts[w] = at;
		gauge->sums[w] = 0;
		for (; at < gauge->count; at++)
			gauge->sums[w] += gauge->tips[at].nm;
	}
}

static void forget_old_tips(struct rain_gauge *gauge)
{
	size_t old = gauge->starts[RAIN_LONGEST];

	/* Moving all costs: wait until half is old, or there is nothing to move. */
	if (old == 0 || (old < gauge->count / 2 && old < 1024))
		return;
	gauge->count -= old;
	memmove(gauge->tips, gauge->tips + old, gauge->count * sizeof *gauge->tips);
	for (size_t w = 0; w < RAIN_SUMS; w++)
		gauge->starts[w] -= old;
}

/* Lets the windows' starts follow the newest observation. */
static void leave_behind(struct rain_gauge *gauge)
{
	for (size_t w = 0; w < RAIN_SUMS; w++) {
		int64_t start_ms = window_start(gauge, w);

		while (gauge->starts[w] < gauge->count &&
			gauge->tips[gauge->starts[w]].time_ms <= start_ms)
			gauge->sums[w] -= gauge->tips[gauge->starts[w]++].nm;
	}
	coverage_forget(&gauge->coverage, window_start(gauge, RAIN_LONGEST));
	forget_old_tips(gauge);
}

/* --- observations -------------------------------------------------------- */

static bool insert_tip(struct rain_gauge *gauge, size_t at, struct rain_tip tip)
{
	if (gauge->count >= RAIN_TIPS_MAX)
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

static bool add_newest(struct rain_gauge *gauge, struct rain_tip tip, int64_t before_ms)
{
	double rate = rain_rate_of_tip(gauge, tip, before_ms);

	if (!insert_tip(gauge, gauge->count, tip))
		return false;
	for (size_t w = 0; w < RAIN_SUMS; w++)
		gauge->sums[w] += tip.nm;
	gauge->rate = rate;
	gauge->tip_ms = tip.time_ms;
	if (gauge->least_nm == 0 || tip.nm < gauge->least_nm)
		gauge->least_nm = tip.nm;
	return true;
}

static bool observe_late(struct rain_gauge *gauge, struct rain_tip tip)
{
	if (tip.time_ms <= window_start(gauge, RAIN_LONGEST))
		return true;
	bool noted =
		coverage_observe(&gauge->coverage, tip.time_ms, rain_least_gap(gauge));
	if (tip.nm == 0)
		return noted;
	bool added = insert_tip(gauge, first_after(gauge, tip.time_ms), tip);
	rain_sum_anew(gauge);
	return added && noted;
}

bool rain_observe(struct rain_gauge *gauge, int64_t time_ms, double mm)
{
	int64_t before_ms = gauge->coverage.last_ms;
	struct rain_tip tip = {
		.time_ms = time_ms,
		.nm = (int64_t)nearbyint(mm * nm_per_mm),
	};

	if (time_ms < before_ms)
		return observe_late(gauge, tip);
	bool noted = coverage_observe(&gauge->coverage, time_ms, rain_least_gap(gauge));
	leave_behind(gauge);
	if (tip.nm == 0)
		return noted;
	return add_newest(gauge, tip, before_ms) && noted;
}

bool rain_lose(struct rain_gauge *gauge, int64_t time_ms)
{
	bool noted = coverage_lose(&gauge->coverage, time_ms);

	if (gauge->coverage.last_ms > 0)
		leave_behind(gauge);
	return noted;
}

bool rain_break(struct rain_gauge *gauge, int64_t time_ms)
{
	gauge->counter.has_total = false;
	gauge->counter.has_odd = false;
	return rain_lose(gauge, time_ms);
}

/* A tip at the same millisecond is one that came twice. */
bool rain_is_bounce(const struct rain_gauge *gauge, int64_t time_ms)
{
	int64_t bounce_ms = gauge->config.bounce;
	size_t at = first_after(gauge, time_ms - bounce_ms);

	return bounce_ms > 0 && at < gauge->count &&
		gauge->tips[at].time_ms < time_ms + bounce_ms;
}

/* --- answers ------------------------------------------------------------- */

double rain_sum(const struct rain_gauge *gauge, size_t index)
{
	return (double)gauge->sums[index] / nm_per_mm;
}

/* A time without an observation that is a gap in the window INDEX. */
static int64_t gap_limit(const struct rain_gauge *gauge, size_t index)
{
	int64_t length_ms = rain_windows[index].length_ms, gap_ms = gauge->config.gap;

	/* What fell since the last time may have fallen before the window. */
	return index != RAIN_DAY && length_ms < gap_ms ? length_ms : gap_ms;
}

/* Of the window INDEX, in ms; its length goes to LENGTH_MS. */
static int64_t missed(const struct rain_gauge *gauge, size_t index, int64_t *length_ms)
{
	int64_t last_ms = gauge->coverage.last_ms, start_ms = window_start(gauge, index);

	*length_ms = last_ms - start_ms;
	return coverage_missed(
		&gauge->coverage, start_ms, last_ms, gap_limit(gauge, index));
}

double rain_completeness(const struct rain_gauge *gauge, size_t index)
{
	int64_t length_ms, missed_ms = missed(gauge, index, &length_ms);

	return 1 - (double)missed_ms / (double)length_ms;
}

bool rain_is_complete(const struct rain_gauge *gauge, size_t index)
{
	int64_t length_ms;

	return missed(gauge, index, &length_ms) == 0;
}

bool rain_may_stand(const struct rain_gauge *gauge, size_t index)
{
	int64_t start_ms = window_start(gauge, index);

	if (rain_is_complete(gauge, index))
		return true;
	return gauge->sums[index] > 0 && rain_completeness(gauge, index) > 0 &&
		!coverage_is_torn(&gauge->coverage, start_ms, gap_limit(gauge, index));
}

bool rain_end_day(const struct rain_gauge *gauge, int64_t next_ms, struct rain_day *day)
{
	int64_t last_ms = gauge->coverage.last_ms, length_ms;

	if (last_ms == 0)
		return false;
	day->end_ms = day_start(gauge, last_ms) + DAY;
	if (next_ms <= day->end_ms)
		return false;
	int64_t missed_ms = missed(gauge, RAIN_DAY, &length_ms);
	if (next_ms - last_ms > gauge->config.gap)
		missed_ms += day->end_ms - last_ms;
	day->mm = rain_sum(gauge, RAIN_DAY);
	day->completeness = 1 - (double)missed_ms / (double)DAY;
	return missed_ms < DAY;
}
