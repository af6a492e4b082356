/*
 * LoRaWAN network servers: what a codec made of the bytes, named by whoever wrote it.
 *
 * The Things Stack v3, v3/<app>@<tenant>/devices/<device>/up:
 *   {"end_device_ids":{"device_id":…},"uplink_message":{"decoded_payload":{…},
 *    "received_at":…}}; zero, empty and false are left out, so that a counter at 0 is not
 *   there: fields with zero_when_missing.
 * ChirpStack v4, application/<id>/device/<eui>/event/up:
 *   {"time":…,"deviceInfo":{"deviceName":…,"devEui":…},"object":{…}}; object only where
 *   a codec is set.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "sensors/payload.h"

/* Codecs nest one or two levels deep: {"air":{"temperature":…}}. */
static void take_names(const cJSON *object, int depth, struct report *report)
{
	struct payload_key key;
	const cJSON *item;

	cJSON_ArrayForEach(item, object)
	{
		if (!item->string)
			continue;
		if (cJSON_IsObject(item) && depth > 0)
			take_names(item, depth - 1, report);
		else if (payload_name_means(item->string, strlen(item->string), &key))
			payload_add_item(report, &key, item);
	}
}

static enum sensor_result take_ttn(const struct payload_options *options,
	const struct payload *payload, const cJSON *root, struct report *report)
{
	const cJSON *uplink = cJSON_GetObjectItemCaseSensitive(root, "uplink_message");
	const cJSON *ids = cJSON_GetObjectItemCaseSensitive(root, "end_device_ids");
	const char *time = payload_string(uplink, "received_at");

	(void)payload;
	if (!cJSON_IsObject(root))
		return SENSOR_BAD_SYNTAX;
	if (!cJSON_IsObject(uplink))
		return SENSOR_IGNORED; /* join-accept, down/…, location */
	take_names(
		cJSON_GetObjectItemCaseSensitive(uplink, "decoded_payload"), 2, report);
	payload_set_device(report, payload_string(ids, "device_id"));
	payload_stamp_text(report, time ? time : payload_string(root, "received_at"),
		options->time_zone);
	return report->count > 0 ? SENSOR_OK : SENSOR_MISSING_FIELD;
}

extern const struct payload_format format_ttn;
const struct payload_format format_ttn = {
	.name = "ttn",
	.summary = "The Things Stack v3: v3/+/devices/+/up, with decoded_payload.",
	.names_device = true,
	.json = take_ttn,
};

static enum sensor_result take_chirpstack(const struct payload_options *options,
	const struct payload *payload, const cJSON *root, struct report *report)
{
	const cJSON *info = cJSON_GetObjectItemCaseSensitive(root, "deviceInfo");
	const char *name = payload_string(info, "deviceName");

	if (!cJSON_IsObject(root))
		return SENSOR_BAD_SYNTAX;
	/* event/join, event/status, event/ack … */
	if (*payload->topic && !payload_level_is(payload->topic, 0, "up"))
		return SENSOR_IGNORED;
	take_names(cJSON_GetObjectItemCaseSensitive(root, "object"), 2, report);
	payload_set_device(report, name ? name : payload_string(info, "devEui"));
	payload_stamp_text(report, payload_string(root, "time"), options->time_zone);
	return report->count > 0 ? SENSOR_OK : SENSOR_MISSING_FIELD;
}

extern const struct payload_format format_chirpstack;
const struct payload_format format_chirpstack = {
	.name = "chirpstack",
	.summary =
		"ChirpStack v4: application/+/device/+/event/up, with a codec's object.",
	.names_device = true,
	.json = take_chirpstack,
};
