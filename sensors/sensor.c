#include "sensors/sensor.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "store/ring.h"

enum {
	SAY_AGAIN_MS = 10 * 60 * 1000,
	SAY_PORT_AGAIN_MS = 60 * 1000, /* somebody may stand there and pull at it */
};

static const struct {
	const char *name;
	const char *phrase;
} results[SENSOR_RESULT_COUNT] = {
	[SENSOR_OK] = { "ok", "good readings" },
	[SENSOR_IGNORED] = { "ignored", "no data" },
	[SENSOR_WARMING_UP] = { "warming_up", "warming up" },
	[SENSOR_BAD_LENGTH] = { "length", "wrong length" },
	[SENSOR_BAD_SYNC] = { "sync", "not what this device says" },
	[SENSOR_BAD_CHECKSUM] = { "checksum", "wrong checksum" },
	[SENSOR_BAD_VALUE] = { "value", "impossible value" },
	[SENSOR_BAD_ENCODING] = { "encoding", "not UTF-8" },
	[SENSOR_BAD_SYNTAX] = { "syntax", "not the promised format" },
	[SENSOR_MISSING_FIELD] = { "missing_field", "a configured field is missing" },
	[SENSOR_TOO_LARGE] = { "too_large", "too large" },
	[SENSOR_BAD_TOPIC] = { "topic", "the topic names no station" },
	[SENSOR_DEVICE_ERROR] = { "device_error", "the device reports an error" },
	[SENSOR_TIMEOUT] = { "timeout", "no answer" },
	[SENSOR_PORT_ERROR] = { "port", "no connection" },
	[SENSOR_OFFLINE] = { "offline", "the device is offline" },
};

const char *sensor_result_name(enum sensor_result result)
{
	if ((unsigned)result >= SENSOR_RESULT_COUNT)
		return "unknown";
	return results[result].name;
}

/* Is RESULT worth a line now? While one port stays lost, another reason is news. */
static bool is_news(struct sensor_log *log, enum sensor_result result, const char *detail,
	int64_t now_ms)
{
	int64_t pause_ms = result == SENSOR_PORT_ERROR ? SAY_PORT_AGAIN_MS : SAY_AGAIN_MS;

	if (log->shown == (int)result)
		return result == SENSOR_PORT_ERROR &&
			strncmp(log->port_reason, detail, sizeof(log->port_reason) - 1) !=
			0;
	return log->said_ms[result] == 0 || now_ms - log->said_ms[result] >= pause_ms;
}

static void say_fault(
	struct sensor *sensor, enum sensor_result result, const char *detail)
{
	struct sensor_log *log = &sensor->log;
	int64_t now_ms = clock_real_ms();

	if (detail == NULL)
		detail = "";
	if (!is_news(log, result, detail, now_ms))
		return;
	log->shown = (int)result;
	log->said_ms[result] = now_ms;
	if (result == SENSOR_PORT_ERROR)
		snprintf(log->port_reason, sizeof(log->port_reason), "%s", detail);
	if (result == SENSOR_WARMING_UP)
		log_info("sensor %s: %s", sensor->name, results[result].phrase);
	else
		log_warning("sensor %s: %s (%s)%s%s", sensor->name,
			results[result].phrase, results[result].name,
			detail[0] != '\0' ? ": " : "", detail);
}

static void say_back(struct sensor *sensor)
{
	struct sensor_log *log = &sensor->log;

	if (log->shown == SENSOR_OK)
		return;
	log_notice("sensor %s: back, %s again after: %s", sensor->name,
		results[SENSOR_OK].phrase, results[log->shown].phrase);
	log->shown = SENSOR_OK;
}

void sensor_note(struct sensor *sensor, enum sensor_result result, const char *detail)
{
	struct sensor_stats *stats = &sensor->stats;

	atomic_fetch_add_explicit(&stats->results[result], 1, memory_order_relaxed);
	if (result == SENSOR_IGNORED)
		return;
	atomic_store_explicit(&stats->state, (int)result, memory_order_relaxed);
	if (result == SENSOR_PORT_ERROR)
		sensor->was_lost = true;
	if (result != SENSOR_OK) {
		say_fault(sensor, result, detail);
		return;
	}
	atomic_store_explicit(
		&stats->last_good_ms, clock_wall_ms(), memory_order_relaxed);
	say_back(sensor);
}

void sensor_deliver_part(struct sensor *sensor, struct report *report)
{
	if (!clock_stamp(&report->time_ms, &report->mono_ms))
		report->marks |= REPORT_CLOCK_UNSET;
	if (sensor->was_lost)
		report->marks |= REPORT_RECONNECTED;
	sensor->was_lost = false;
	snprintf(report->station, sizeof(report->station), "%s", sensor->station);
	snprintf(report->sensor, sizeof(report->sensor), "%s", sensor->name);
	if (!ring_push(sensor->ring, report, 0, RING_DROP_OLDEST))
		atomic_fetch_add(&sensor->stats.dropped, 1);
	atomic_store(&sensor->stats.last_good_ms, report->time_ms);
}

void sensor_deliver(struct sensor *sensor, struct report *report)
{
	sensor_deliver_part(sensor, report);
	sensor_note(sensor, SENSOR_OK, NULL);
}
