#include "sensors/mapping.h"

#include <math.h>

#include "core/number.h"

enum { EXACT_DIGITS = 12 }; /* of a scaled value: 536 × 0.1 is 53.6 */

void mapping_check(const void *values, const struct config_place *place)
{
	const struct mapping *mapping = values;

	if (mapping->scale == 0.0)
		config_error(place, "scale", "0 would make every value the same");
	if (!unit_fits(mapping->unit, mapping->metric))
		config_error(place, "unit", "%s becomes %s, but %s is in %s",
			unit_names[mapping->unit], unit_target(mapping->unit),
			mapping->metric->name, mapping->metric->unit);
}

/* Row INDEX of a list of rows that begin with struct mapping. */
static const struct mapping *row_at(
	const struct option_list *list, size_t size, size_t index)
{
	return (const struct mapping *)((const char *)list->items + index * size);
}

static bool stands_before(const struct option_list *list, size_t size, size_t index)
{
	const struct metric *metric = row_at(list, size, index)->metric;

	/* NULL: the metric was wrong and has been complained of. */
	for (size_t i = 0; metric != NULL && i < index; i++)
		if (row_at(list, size, i)->metric == metric)
			return true;
	return false;
}

void mapping_check_list(const struct option_list *list, size_t size, const char *key,
	const struct config_place *place)
{
	if (list->count > READINGS_MAX) {
		config_error(place, key, "at most %d in one sensor", READINGS_MAX);
		return;
	}
	for (size_t i = 0; i < list->count; i++)
		if (stands_before(list, size, i))
			config_error(place, key, "the metric %s stands there twice",
				row_at(list, size, i)->metric->name);
}

static bool is_invalid(const struct mapping *mapping, double number)
{
	for (size_t i = 0; i < mapping->invalid.count; i++)
		if (mapping->invalid.values[i] == number)
			return true;
	return false;
}

enum sensor_result mapping_take(
	const struct mapping *mapping, double number, struct report *report)
{
	double value;

	if (!isfinite(number))
		return SENSOR_BAD_VALUE;
	if (is_invalid(mapping, number))
		return SENSOR_OK;
	value = number * mapping->scale + mapping->offset;
	if (!isfinite(value))
		return SENSOR_BAD_VALUE;
	if (mapping->scale != 1.0 || mapping->offset != 0.0)
		value = number_round(value, EXACT_DIGITS);
	value = unit_convert(mapping->unit, value);
	if (!isfinite(value))
		return SENSOR_BAD_VALUE;
	return report_add(report, mapping->metric->id, value) ? SENSOR_OK
							      : SENSOR_TOO_LARGE;
}
