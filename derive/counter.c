#include "derive/counter.h"

#include <math.h>

static const double ms_per_h = 3600.0 * 1000;
static const double plausible_mm = 5; /* a bucket may have filled up unseen */

/* A reading as the continuation of another. */
struct way {
	bool possible, wrapped;
	double increment;
};

void counter_init(
	struct counter *counter, double modulus, double max_intensity, int64_t gap_ms)
{
	*counter = (struct counter){
		.modulus = modulus,
		.max_intensity = max_intensity,
		.gap_ms = gap_ms,
	};
}

/* Differences of decimals, without the dust of binary fractions. */
static double difference(double a, double b)
{
	static const double nm_per_mm = 1e6;

	return nearbyint((a - b) * nm_per_mm) / nm_per_mm;
}

static double most(const struct counter *counter, int64_t elapsed_ms)
{
	return elapsed_ms > 0 ? counter->max_intensity * (double)elapsed_ms / ms_per_h
			      : 0;
}

bool counter_can_fall(const struct counter *counter, double mm, int64_t elapsed_ms)
{
	return mm <= plausible_mm + most(counter, elapsed_ms);
}

static struct way way_from(const struct counter *counter, double from, int64_t from_ms,
	double total, int64_t time_ms)
{
	double half = counter->modulus / 2;
	struct way way = { .increment = difference(total, from) };

	if (way.increment < 0 && from > half && total < half) {
		way.increment = difference(way.increment + counter->modulus, 0);
		way.wrapped = true;
	}
	way.possible = way.increment >= 0 &&
		counter_can_fall(counter, way.increment, time_ms - from_ms);
	return way;
}

static void believe(struct counter *counter, int64_t time_ms, double total)
{
	counter->has_total = true;
	counter->total = total;
	counter->total_ms = time_ms;
	counter->has_odd = false;
	counter->odd = 0;
	counter->odd_ms = 0;
}

static struct counter_step hold(struct counter *counter, int64_t time_ms, double total)
{
	counter->has_odd = true;
	counter->odd = total;
	counter->odd_ms = time_ms;
	return (struct counter_step){ .verdict = COUNTER_HELD };
}

/* The odd reading was right; WAY leads on from it. */
static struct counter_step confirm(const struct counter *counter, const struct way *way)
{
	int64_t elapsed_ms = counter->odd_ms - counter->total_ms;
	struct counter_step step = {
		.verdict = counter->odd < counter->total ? COUNTER_RESET : COUNTER_JUMPED,
		.increment = way->increment,
	};

	if (step.verdict == COUNTER_JUMPED) {
		step.refused = difference(counter->odd, counter->total);
		step.lost_ms = counter->odd_ms;
	} else if (elapsed_ms <= counter->gap_ms &&
		counter->odd <= most(counter, elapsed_ms)) {
		step.increment = difference(way->increment + counter->odd, 0);
		step.watched_ms = counter->odd_ms;
	} else {
		step.lost_ms = counter->odd_ms;
	}
	return step;
}

struct counter_step counter_take(struct counter *counter, int64_t time_ms, double total)
{
	struct counter_step step = { .verdict = COUNTER_BASELINE };
	struct way way = { .possible = false }, other = { .possible = false };

	if (counter->has_total)
		way = way_from(
			counter, counter->total, counter->total_ms, total, time_ms);
	if (counter->has_odd)
		other = way_from(counter, counter->odd, counter->odd_ms, total, time_ms);
	if (way.possible && (!other.possible || way.increment <= other.increment)) {
		step.increment = way.increment;
		step.verdict = counter->has_odd ? COUNTER_CORRUPT
			: way.wrapped           ? COUNTER_WRAPPED
						: COUNTER_CREDITED;
	} else if (other.possible) {
		step = confirm(counter, &other);
	} else if (counter->has_total) {
		return hold(counter, time_ms, total);
	}
	believe(counter, time_ms, total);
	return step;
}

void counter_shift(struct counter *counter, int64_t since_ms, int64_t by_ms)
{
	if (counter->total_ms > since_ms)
		counter->total_ms += by_ms;
	if (counter->odd_ms > since_ms)
		counter->odd_ms += by_ms;
}
