/* The status messages of another muabui's mqtt output: who it is. */
#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "core/utf8.h"
#include "sensors/muabui.h"
#include "sensors/payload.h"
#include "store/directory.h"

enum { STATUS_MAX = 4096 };

/* The text KEY of OBJECT to OUT, "" where there is none. False: it does not fit. */
static bool take_text(const cJSON *object, const char *key, char *out, size_t size)
{
	const char *text = payload_string(object, key);
	size_t length = text ? strlen(text) : 0;

	if (length >= size)
		return false;
	memcpy(out, text ? text : "", length + 1);
	return true;
}

static double take_number(const cJSON *object, const char *key)
{
	double value;

	return payload_number(cJSON_GetObjectItemCaseSensitive(object, key), &value)
		? value
		: NAN;
}

static bool take_station(const cJSON *object, struct station *station)
{
	*station = (struct station){
		.latitude = take_number(object, "latitude"),
		.longitude = take_number(object, "longitude"),
		.indicative = cJSON_IsTrue(
			cJSON_GetObjectItemCaseSensitive(object, "indicative")),
	};
	return take_text(object, "id", station->id, sizeof station->id) &&
		take_text(object, "name", station->name, sizeof station->name) &&
		take_text(object, "area", station->area, sizeof station->area) &&
		*station->id && isnan(station->latitude) == isnan(station->longitude);
}

bool muabui_station(const struct payload *payload, struct station *station)
{
	const char *text = (const char *)payload->bytes;
	cJSON *root =
		payload->length <= STATUS_MAX && utf8_is_valid(text, payload->length)
		? payload_parse(text, payload->length)
		: NULL;
	bool taken =
		take_station(cJSON_GetObjectItemCaseSensitive(root, "station"), station);

	cJSON_Delete(root);
	return taken;
}
