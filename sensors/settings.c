/* What the configuration says of one sensor, for those who know it by its name. */
#include <stddef.h>
#include <string.h>

#include "sensors/sensor.h"

static const struct sensor_driver *driver_of(const struct option_item *item)
{
	return (const struct sensor_driver *)((const char *)item->kind -
		offsetof(struct sensor_driver, kind));
}

static const struct option_item *find_item(
	const struct option_list *items, const char *name)
{
	const struct option_item *all = items->items;

	for (size_t i = 0; i < items->count; i++)
		if (strcmp(all[i].name, name) == 0)
			return &all[i];
	return NULL;
}

double sensors_modulus(const struct option_list *items, const char *name, uint16_t metric)
{
	const struct option_item *item = find_item(items, name);

	if (!item || !driver_of(item)->modulus)
		return 0;
	return driver_of(item)->modulus(item->options, metric);
}

const struct sensor_common *sensors_common(
	const struct option_list *items, const char *name)
{
	const struct option_item *item = find_item(items, name);

	return item ? item->common : NULL;
}

bool sensors_are_indicative(const struct option_list *items, const char *name)
{
	const struct option_item *item = find_item(items, name);
	const struct sensor_common *common = item ? item->common : NULL;

	if (!common)
		return true;
	if (common->grade != GRADE_AUTO)
		return common->grade == GRADE_INDICATIVE;
	enum sensor_bus bus = driver_of(item)->bus;
	return bus != SENSOR_BUS_MODBUS && bus != SENSOR_BUS_SDI12;
}
