/*
 * A window of one sensor in thirteen buckets, twelve of which make its length: the oldest
 * one leaves the window bit by bit, so that what is held is (t − length, t] without a
 * list of readings. A bucket is half-open in the same way: a value stamped at its end
 * belongs to it.
 */
#include "alerts/rule_parts.h"

#include <math.h>
#include <string.h>

#include "core/number.h"

enum { RING = RULE_BUCKETS + 1 };

static int64_t width_of(const struct rule *rule)
{
	return rule->window / RULE_BUCKETS;
}

static int64_t number_of(const struct rule *rule, int64_t time_ms)
{
	return (time_ms - 1) / width_of(rule);
}

/* Makes the bucket NUMBER the newest. */
static void move_to(struct rule_window *window, int64_t number)
{
	if (number - window->newest >= RING) {
		*window = (struct rule_window){ .newest = number };
		return;
	}
	while (window->newest < number) {
		window->newest++;
		window->buckets[window->newest % RING] =
			(struct rule_bucket){ .count = 0 };
	}
}

static bool is_extreme(const struct rule *rule, double value, double before)
{
	return rule->measure == RULE_RISE ? value <= before : value >= before;
}

void rule_window_add(const struct rule *rule, struct rule_window *window, int64_t time_ms,
	double value, int64_t credit_ms)
{
	int64_t number = number_of(rule, time_ms);
	uint32_t credit = (uint32_t)(credit_ms < rule->window ? credit_ms : rule->window);

	if (number < window->newest)
		return;
	move_to(window, number);
	struct rule_bucket *bucket = &window->buckets[number % RING];
	if (rule->measure == RULE_AVERAGE) {
		double weight = (double)bucket->weight_ms + credit;

		if (bucket->weight_ms == 0)
			bucket->value = value;
		else if (weight > 0)
			bucket->value += (value - bucket->value) * credit / weight;
	} else if (bucket->count == 0 || is_extreme(rule, value, bucket->value)) {
		bucket->value = value;
		bucket->at_ms = (uint32_t)(time_ms - number * width_of(rule));
	}
	if (bucket->weight_ms <= UINT32_MAX - credit)
		bucket->weight_ms += credit;
	bucket->count += bucket->count < UINT32_MAX;
}

/* What of a window's buckets lies in it. */
struct extent {
	double weight; /* ms that are known */
	double sum;    /* of value × ms */
	double count;
	double extreme; /* NAN: nothing */
};

static struct extent extent_of(
	const struct rule *rule, const struct rule_window *window, int64_t time_ms)
{
	int64_t width = width_of(rule), newest = number_of(rule, time_ms);
	double leaving = 1 - (double)(time_ms - newest * width) / (double)width;
	struct extent extent = { .extreme = NAN };

	for (int k = 0; k < RING; k++) {
		int64_t number = newest - k;

		if (number < 0 || number > window->newest ||
			number <= window->newest - RING)
			continue;
		const struct rule_bucket *bucket = &window->buckets[number % RING];
		double share = k == RULE_BUCKETS ? leaving : 1;

		if (bucket->count == 0)
			continue;
		extent.weight += share * bucket->weight_ms;
		extent.sum += share * bucket->weight_ms * bucket->value;
		extent.count += share * bucket->count;
		if (number * width + bucket->at_ms > time_ms - rule->window &&
			(isnan(extent.extreme) ||
				is_extreme(rule, bucket->value, extent.extreme)))
			extent.extreme = bucket->value;
	}
	return extent;
}

double rule_window_measure(const struct rule *rule, const struct rule_window *window,
	int64_t time_ms, double value)
{
	struct extent extent = extent_of(rule, window, time_ms);
	static const double dust = 1e-9;
	enum { DIGITS = 6 }; /* more than any instrument knows */

	if (extent.count + dust < rule->min_readings)
		return NAN;
	if (rule->measure == RULE_RISE)
		return number_round(value - extent.extreme, DIGITS);
	if (extent.weight + dust < rule->min_complete * (double)rule->window)
		return NAN;
	if (rule->measure == RULE_MAXIMUM)
		return extent.extreme;
	return extent.weight > 0 ? number_round(extent.sum / extent.weight, DIGITS) : NAN;
}

void rule_window_shift(const struct rule *rule, struct rule_window *window,
	const struct clock_step *step)
{
	int64_t width = width_of(rule);
	int64_t end = (window->newest + 1) * width;

	if (clock_after_step(step, end) == end)
		return;
	/* Rather too little than too much: nothing may come to lie in the future. */
	int64_t by = step->by_ms / width - (step->by_ms % width < 0);
	if (by % RING != 0) {
		struct rule_window old = *window;

		for (int k = 0; k < RING; k++) {
			int64_t from = old.newest - k;

			if (from >= 0 && from + by >= 0)
				window->buckets[(from + by) % RING] =
					old.buckets[from % RING];
		}
	}
	window->newest += by;
	if (window->newest < RING)
		*window = (struct rule_window){ .newest = 0 };
}
