#include "gateway/treating.h"

#include "core/metric.h"
#include "sensors/sensor.h"

void treating_find(
	void *arg, const char *station, const char *sensor, struct treatment *treatment)
{
	const struct treating *treating = arg;
	const struct option_list *items = &treating->config->sensors;
	const struct sensor_common *common = sensors_common(items, sensor);

	(void)station;
	treatment->common_quality = treating->config->quality;
	treatment->calibrating = treating->calibrating;
	treatment->rain_modulus = sensors_modulus(items, sensor, METRIC_RAIN_TOTAL);
	if (!common)
		return;
	treatment->quality = common->quality;
	treatment->rain = &common->rain;
	treatment->calibration = common->calibration;
	treatment->settle = common->settle;
	treatment->settle_after =
		common->settle_after > 0 ? common->settle_after : common->stale_after;
}
