#include <math.h>

#include "derive/rain_parts.h"

static const double nm_per_mm = 1e6;
static const int64_t event_ms = RAIN_HOUR;      /* without a tip: the event is over */
static const int64_t mean_ms = 5 * RAIN_MINUTE; /* long enough for a mean of its own */

/* mm/h, to a thousandth. */
static double intensity(double nm, double ms)
{
	return nearbyint(nm / nm_per_mm * (double)RAIN_HOUR / ms * 1000) / 1000;
}

/* Since when all was watched, so that no tip can have been missed. */
static int64_t watched_since(const struct rain_gauge *gauge)
{
	return coverage_since(&gauge->coverage, gauge->config.gap);
}

/* What fell at the time of the tip before AT, which is set to the first of that time. */
static int64_t take_time(const struct rain_gauge *gauge, size_t *at, int64_t time_ms)
{
	int64_t nm = 0;

	while (*at > 0 && gauge->tips[*at - 1].time_ms == time_ms)
		nm += gauge->tips[--*at].nm;
	return nm;
}

double rain_rate_of_tip(
	const struct rain_gauge *gauge, struct rain_tip tip, int64_t before_ms)
{
	int64_t since_ms = watched_since(gauge), end_ms = tip.time_ms, span_ms = 0;
	size_t at = gauge->count;
	double nm = (double)(tip.nm + take_time(gauge, &at, end_ms)), amount = 0;

	while (at > 0) {
		int64_t start_ms = gauge->tips[at - 1].time_ms;
		int64_t between_ms = end_ms - start_ms;
		int64_t wanted_ms = gauge->smooth_ms - span_ms;

		if (start_ms < since_ms || between_ms > event_ms)
			break;
		if (span_ms > 0 && between_ms > wanted_ms) {
			amount += nm * (double)wanted_ms / (double)between_ms;
			span_ms += wanted_ms;
			break;
		}
		amount += nm;
		span_ms += between_ms;
		if (span_ms >= gauge->smooth_ms)
			break;
		end_ms = start_ms;
		nm = (double)take_time(gauge, &at, end_ms);
	}
	if (span_ms > 0)
		return intensity(amount, (double)span_ms);
	if (before_ms >= since_ms && before_ms > 0 && tip.time_ms - before_ms >= mean_ms)
		return intensity((double)tip.nm, (double)(tip.time_ms - before_ms));
	return NAN;
}

double rain_intensity(const struct rain_gauge *gauge, int64_t time_ms, double mm)
{
	const struct rain_tip tip = { time_ms, (int64_t)nearbyint(mm * nm_per_mm) };
	int64_t last_ms = gauge->coverage.last_ms;

	if (last_ms == 0 || time_ms < last_ms || time_ms - last_ms > gauge->config.gap)
		return NAN;
	return rain_rate_of_tip(gauge, tip, last_ms);
}

double rain_rate(const struct rain_gauge *gauge)
{
	int64_t last_ms = gauge->coverage.last_ms, since_ms = watched_since(gauge);
	int64_t elapsed_ms = last_ms - gauge->tip_ms;
	double tip_nm = gauge->config.tip > 0 ? gauge->config.tip * nm_per_mm
					      : (double)gauge->least_nm;

	if (last_ms == 0)
		return NAN;
	if (gauge->tip_ms == 0 || gauge->tip_ms < since_ms)
		return last_ms - since_ms >= event_ms ? 0 : NAN;
	if (elapsed_ms > event_ms)
		return 0;
	if (elapsed_ms == 0 || isnan(gauge->rate))
		return gauge->rate;
	return fmin(gauge->rate, intensity(tip_nm, (double)elapsed_ms));
}
