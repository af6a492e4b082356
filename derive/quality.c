#include "derive/quality.h"

#include <math.h>
#include <stdlib.h>

#include "core/reading.h"

static const double minute_ms = 60000;
/* After a longer silence a change has no speed, and a neighbour is none. */
static const int64_t series_gap_ms = 60 * 60 * 1000;

uint8_t quality_worse(uint8_t a, uint8_t b)
{
	return a > b ? a : b;
}

/* Comparisons with NAN are false: a limit that is not given limits nothing. */
uint8_t quality_range(const struct quality_config *config, double raw, double value)
{
	const struct metric *metric = config->metric;
	bool unknown = isnan(config->min) && isnan(config->max) && !metric;
	double min = isnan(config->min) && metric ? metric->min : config->min;
	double max = isnan(config->max) && metric ? metric->max : config->max;

	if (!isfinite(raw) || !isfinite(value) || raw < min || raw > max)
		return FLAG_FAIL;
	if (unknown)
		return FLAG_NOT_EVALUATED;
	if (value < min || value > max)
		return FLAG_SUSPECT;
	if (value < config->suspect_min || value > config->suspect_max)
		return FLAG_SUSPECT;
	return FLAG_GOOD;
}

uint8_t quality_rate(const struct quality_config *config, double before, double value,
	int64_t elapsed_ms)
{
	if (elapsed_ms <= 0)
		return FLAG_GOOD;
	double per_minute = fabs(value - before) / ((double)elapsed_ms / minute_ms);
	return per_minute > config->rate ? FLAG_SUSPECT : FLAG_GOOD;
}

uint8_t quality_spike(
	const struct quality_config *config, double a, double value, double b)
{
	double away = fabs(value - (a + b) / 2);

	if (away > config->spike_fail)
		return FLAG_FAIL;
	return away > config->spike ? FLAG_SUSPECT : FLAG_GOOD;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The middle of VALUE and the COUNT others, which are sorted. */
static double median_with(double value, const double *others, size_t count)
{
	size_t half = count / 2;

	/* An odd number of others: one of all is the middle, or between two. */
	if (count % 2 == 0)
		return fmin(fmax(value, others[half - 1]), others[half]);
	double below = half > 0 ? others[half - 1] : -INFINITY;
	double above = half + 1 < count ? others[half + 1] : INFINITY;
	double next = fmin(fmax(value, below), above);
	return (others[half] + next) / 2;
}

static bool differ(const struct quality_config *config, double a, double b)
{
	double apart = fabs(a - b), mean = fabs(a + b) / 2;

	if (isnan(config->neighbour) && isnan(config->neighbour_ratio))
		return false;
	return !(apart <= config->neighbour) &&
		!(apart <= config->neighbour_ratio * mean);
}

uint8_t quality_neighbours(
	const struct quality_config *config, double value, double *others, size_t count)
{
	double middle = others[0];

	if (count > 1) {
		qsort(others, count, sizeof *others, compare);
		middle = median_with(value, others, count);
	}
	return differ(config, value, middle) ? FLAG_SUSPECT : FLAG_GOOD;
}

bool quality_settles(struct quality_settling *settling, int64_t settle_ms, int64_t gap_ms,
	int64_t time_ms, bool lost)
{
	if (time_ms >= settling->heard_ms) {
		bool silent =
			settling->heard_ms == 0 || time_ms - settling->heard_ms > gap_ms;
		if (silent || lost)
			settling->settled_ms = time_ms + settle_ms;
		settling->heard_ms = time_ms;
	}
	/* Never longer than SETTLE_MS, whatever the clock did meanwhile. */
	return time_ms < settling->settled_ms &&
		settling->settled_ms - time_ms <= settle_ms;
}

/* Takes VALUE into the run that stands still, or begins a new run. */
static void follow_flat(const struct quality_config *config, struct quality_state *state,
	int64_t time_ms, double value)
{
	double low = fmin(state->flat_min, value), high = fmax(state->flat_max, value);

	if (state->count > 0 && high - low < config->flat_tolerance) {
		state->flat_min = low;
		state->flat_max = high;
		return;
	}
	bool with_last = state->count > 0 &&
		fabs(value - state->values[0]) < config->flat_tolerance;
	state->flat_since = with_last ? state->times[0] : time_ms;
	state->flat_min = with_last ? fmin(value, state->values[0]) : value;
	state->flat_max = with_last ? fmax(value, state->values[0]) : value;
}

/* LIMIT_MS counts in whole steps of the series, as a window of samples would. */
static bool stands_still(int64_t run_ms, int64_t step_ms, int64_t limit_ms)
{
	if (limit_ms <= 0 || run_ms <= 0)
		return false;
	int64_t whole = step_ms > 0 ? limit_ms / step_ms * step_ms : limit_ms;
	return run_ms >= whole && whole > 0;
}

static uint8_t judge_flat(const struct quality_config *config,
	struct quality_state *state, int64_t time_ms, double value)
{
	follow_flat(config, state, time_ms, value);
	if (state->count == 0)
		return FLAG_GOOD;
	int64_t run_ms = time_ms - state->flat_since, step_ms = time_ms - state->times[0];
	if (stands_still(run_ms, step_ms, config->flat_fail))
		return FLAG_FAIL;
	return stands_still(run_ms, step_ms, config->flat_suspect) ? FLAG_SUSPECT
								   : FLAG_GOOD;
}

static void remember(struct quality_state *state, int64_t time_ms, double value)
{
	state->values[1] = state->values[0];
	state->times[1] = state->times[0];
	state->values[0] = value;
	state->times[0] = time_ms;
	if (state->count < 2)
		state->count++;
}

uint8_t quality_judge(const struct quality_config *config, struct quality_state *state,
	int64_t time_ms, double raw, double value)
{
	uint8_t flag = quality_range(config, raw, value);

	if (!isfinite(value) || (state->count > 0 && time_ms < state->times[0]))
		return flag;
	if (state->count > 0 && time_ms - state->times[0] > series_gap_ms)
		state->count = 0;
	if (state->count > 0)
		flag = quality_worse(flag,
			quality_rate(config, state->values[0], value,
				time_ms - state->times[0]));
	if (state->count == 2)
		flag = quality_worse(flag,
			quality_spike(config, state->values[0], value, state->values[1]));
	flag = quality_worse(flag, judge_flat(config, state, time_ms, value));
	remember(state, time_ms, value);
	return flag;
}

static void shift(int64_t *const times[], size_t count, int64_t since_ms, int64_t by_ms)
{
	for (size_t i = 0; i < count; i++)
		if (*times[i] > since_ms)
			*times[i] += by_ms;
}

void quality_shift(struct quality_state *state, int64_t since_ms, int64_t by_ms)
{
	int64_t *const times[] = { &state->times[0], &state->times[1],
		&state->flat_since };

	shift(times, sizeof times / sizeof *times, since_ms, by_ms);
}

void quality_settling_shift(
	struct quality_settling *settling, int64_t since_ms, int64_t by_ms)
{
	int64_t *const times[] = { &settling->heard_ms, &settling->settled_ms };

	shift(times, sizeof times / sizeof *times, since_ms, by_ms);
}
