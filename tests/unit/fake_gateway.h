/*
 * A gateway made of plain structs, for the tests of web/: the functions of the
 * other rooms that web/ asks are replaced by ones that say what stands here. To be
 * included once per program.
 */
#ifndef MUABUI_TESTS_FAKE_GATEWAY_H
#define MUABUI_TESTS_FAKE_GATEWAY_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/metric.h"
#include "web/view.h"

enum { FAKE_MAX = 4 };

/* 2026-11-22T09:30:00+07:00 */
static const int64_t fake_now_ms = 1795314600000;

struct sensors {
	struct sensor items[FAKE_MAX];
	size_t count;
};

struct outputs {
	struct output_status items[FAKE_MAX];
	size_t count;
};

struct notifier {
	struct channel_status items[FAKE_MAX];
	size_t count;
};

static struct sensors fake_sensors;
static struct outputs fake_outputs;
static struct notifier fake_notifier;
static struct ring_status fake_ring;
static struct recorder_stats fake_recorder;
static struct config fake_config;
static struct option_item fake_items[FAKE_MAX];
static struct sensor_common fake_common[FAKE_MAX];
static struct gateway_view fake_view;

size_t sensors_count(const struct sensors *sensors)
{
	return sensors->count;
}

const struct sensor *sensors_get(const struct sensors *sensors, size_t index)
{
	return &sensors->items[index];
}

const char *sensor_result_name(enum sensor_result result)
{
	static const char *const names[SENSOR_RESULT_COUNT] = { "ok", "ignored",
		"warming_up", "length", "sync", "checksum", "value", "encoding", "syntax",
		"missing_field", "too_large", "topic", "device_error", "timeout",
		"port" };
	return names[result];
}

size_t outputs_count(const struct outputs *outputs)
{
	return outputs->count;
}

void outputs_get_status(
	const struct outputs *outputs, size_t index, struct output_status *status)
{
	*status = outputs->items[index];
}

size_t notifier_count(const struct notifier *notifier)
{
	return notifier->count;
}

void notifier_get_status(
	const struct notifier *notifier, size_t index, struct channel_status *status)
{
	*status = notifier->items[index];
}

void ring_get_status(struct ring *ring, struct ring_status *status)
{
	(void)ring;
	*status = fake_ring;
}

static const struct sensor_driver fake_driver = { .kind = { .name = "pms5003" } };

static void fake_sensor(const char *name, const char *station, int64_t stale_after_ms)
{
	size_t i = fake_sensors.count++;

	fake_common[i] = (struct sensor_common){ .stale_after = stale_after_ms };
	fake_items[i] = (struct option_item){ .name = name, .common = &fake_common[i] };
	fake_sensors.items[i].name = name;
	fake_sensors.items[i].station = station;
	fake_sensors.items[i].driver = &fake_driver;
	fake_sensors.items[i].item = &fake_items[i];
	atomic_store(&fake_sensors.items[i].stats.connected, true);
	fake_config.sensors.count = fake_sensors.count;
}

/* A report of METRIC = VALUE, AGE_MS old. */
static void fake_report(const char *station, const char *sensor, uint16_t metric,
	double value, int flag, int64_t age_ms)
{
	struct report report;

	report_init(&report);
	report.time_ms = fake_now_ms - age_ms;
	snprintf(report.station, sizeof report.station, "%s", station);
	snprintf(report.sensor, sizeof report.sensor, "%s", sensor);
	report_add(&report, metric, value);
	report.readings[0].flag = (uint8_t)flag;
	latest_put((struct latest *)fake_view.latest, 0, &report);
}

/* An empty gateway, started an hour ago, at fake_now_ms. */
static void fake_start(void)
{
	fake_sensors = (struct sensors){ 0 };
	fake_outputs = (struct outputs){ 0 };
	fake_notifier = (struct notifier){ 0 };
	fake_ring = (struct ring_status){ .size = 4 << 20 };
	memset(&fake_recorder, 0, sizeof fake_recorder);
	fake_config = (struct config){
		.station = { .id = "HN-CG-01",
			.name = "Cầu Giấy",
			.area = "hn-cau-giay",
			.latitude = 21.0362,
			.longitude = 105.7906 },
		.store = { .path = "/var/lib/muabui/muabui.db",
			.commit_every = 1000,
			.max_size = 4LL << 30 },
		.sensors = { .items = fake_items },
	};
	fake_view = (struct gateway_view){
		.config = &fake_config,
		.latest = latest_new(),
		.directory = directory_new(),
		.ring = (struct ring *)&fake_ring,
		.sensors = &fake_sensors,
		.outputs = &fake_outputs,
		.notifier = &fake_notifier,
		.recorder = &fake_recorder,
		.version = "0.1",
		.started_ms = fake_now_ms - 3600000,
		.started_mono_ms = 1000000,
	};
	directory_open((struct directory *)fake_view.directory, &fake_config, NULL);
	clock_freeze(fake_now_ms, 1000000 + 3600000);
}

static void fake_stop(void)
{
	latest_free((struct latest *)fake_view.latest);
	directory_free((struct directory *)fake_view.directory);
}

#endif
