#include <string.h>

#include "sensors/sensor.h"

/* A new sensor is one file, and one line here. */
#define SENSOR_DRIVERS(X)   \
	X(sensor_pms3003)   \
	X(sensor_pms5003)   \
	X(sensor_pms5003s)  \
	X(sensor_pms5003t)  \
	X(sensor_pms5003st) \
	X(sensor_sds011)    \
	X(sensor_sds198)    \
	X(sensor_sps30)     \
	X(sensor_hpma115)   \
	X(sensor_mhz19b)    \
	X(sensor_s8)        \
	X(sensor_ze08)      \
	X(sensor_ze12)      \
	X(sensor_ze25)      \
	X(sensor_ze03)      \
	X(sensor_zphs01b)   \
	X(sensor_modbus)    \
	X(sensor_wxt)       \
	X(sensor_text)      \
	X(sensor_rg15)      \
	X(sensor_sdi12)     \
	X(sensor_pluvio2)   \
	X(sensor_nmea)      \
	X(sensor_umb)       \
	X(sensor_mqtt)      \
	X(sensor_http)

#define DECLARE(driver) extern const struct sensor_driver driver;
#define DRIVER(driver)  &driver,
#define KIND(driver)    &driver.kind,

SENSOR_DRIVERS(DECLARE)

const struct sensor_driver *const sensor_drivers[] = { SENSOR_DRIVERS(DRIVER) NULL };

static const struct option_kind *const kinds[] = { SENSOR_DRIVERS(KIND) NULL };

/* In the order of enum sensor_grade. */
static const char *const grades[] = { "auto", "indicative", "reference", NULL };

static const struct option common_table[] = {
	{
		.name = "station",
		.type = OPTION_STRING,
		.offset = offsetof(struct sensor_common, station),
		.fallback = "",
		.max = NAME_SIZE - 1,
		.help = "Where the sensor stands; empty: the gateway's own station.",
	},
	{
		.name = "stale_after",
		.type = OPTION_DURATION,
		.offset = offsetof(struct sensor_common, stale_after),
		.fallback = "5m",
		.min = 1000,
		.max = 7.0 * 24 * 3600 * 1000,
		.help = "Without a good reading for so long, status calls the sensor silent.",
	},
	{
		.name = "settle",
		.type = OPTION_DURATION,
		.offset = offsetof(struct sensor_common, settle),
		.fallback = "0s",
		.max = 24.0 * 3600 * 1000,
		.help = "When the sensor is back after a silence, its values fail for so long.",
	},
	{
		.name = "settle_after",
		.type = OPTION_DURATION,
		.offset = offsetof(struct sensor_common, settle_after),
		.fallback = "0s",
		.max = 7.0 * 24 * 3600 * 1000,
		.help = "How long a silence that is; 0s: as long as stale_after.",
	},
	{
		.name = "grade",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct sensor_common, grade),
		.fallback = "auto",
		.choices = grades,
		.help = "How far its pollutants are to be trusted: an index made of "
			"\"indicative\" ones is labelled so, and \"reference\" ones go "
			"before them; \"auto\": reference over Modbus and SDI-12 only.",
	},
	{
		.name = "index",
		.type = OPTION_BOOL,
		.offset = offsetof(struct sensor_common, index),
		.fallback = "true",
		.help = "false where it does not measure the outside air: its pollutants do "
			"not enter the station's index.",
	},
	{
		.name = "quality",
		.type = OPTION_LIST,
		.offset = offsetof(struct sensor_common, quality),
		.group = &quality_group,
		.help = "What the sensor's values are held against, per metric.",
	},
	{
		.name = "gauge",
		.type = OPTION_GROUP,
		.offset = offsetof(struct sensor_common, rain),
		.group = &rain_group,
		.help = "How its rain is taken, where it is a gauge.",
	},
	{
		.name = "calibration",
		.type = OPTION_LIST,
		.offset = offsetof(struct sensor_common, calibration),
		.group = &calibration_group,
		.help = "How the sensor's values are corrected, per metric.",
	},
	{ .name = NULL },
};

static void check_common(const void *values, const struct config_place *place)
{
	const struct sensor_common *common = values;

	quality_check_rows(&common->quality, place);
	calibration_check_rows(&common->calibration, place);
}

const struct option_family sensor_family = {
	.key = "driver",
	.noun = "driver",
	.common = {
		.name = "sensor",
		.options = common_table,
		.size = sizeof(struct sensor_common),
		.check = check_common,
	},
	.kinds = kinds,
};

static bool is_called(const struct option_kind *kind, const char *name)
{
	if (strcmp(kind->name, name) == 0)
		return true;
	for (size_t i = 0; kind->aliases != NULL && kind->aliases[i] != NULL; i++)
		if (strcmp(kind->aliases[i], name) == 0)
			return true;
	return false;
}

const struct sensor_driver *sensor_driver_find(const char *name)
{
	for (size_t i = 0; sensor_drivers[i] != NULL; i++)
		if (is_called(&sensor_drivers[i]->kind, name))
			return sensor_drivers[i];
	return NULL;
}
