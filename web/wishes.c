#include "web/wishes.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "alerts/push_encrypt.h"
#include "alerts/push_endpoint.h"
#include "config/config.h"
#include "core/base64.h"
#include "core/metric.h"

static bool refuse(char why[static WISHES_WHY_SIZE], const char *text)
{
	snprintf(why, WISHES_WHY_SIZE, "%s", text);
	return false;
}

static const cJSON *member(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static bool is_default(const cJSON *item)
{
	return cJSON_IsNull(item);
}

/* --- wishes ---------------------------------------------------------- */

static bool read_areas(const cJSON *areas, struct subscription *subscription, char *why)
{
	char text[SUBSCRIPTION_AREAS_SIZE] = "\n";
	const cJSON *area;
	size_t used = 1;
	int count = 0;

	cJSON_ArrayForEach(area, areas)
	{
		const char *name = cJSON_GetStringValue(area);
		if (!name || !name_is_valid(name, strlen(name)) ||
			++count > SUBSCRIPTION_AREAS_MAX)
			return refuse(why, "\"areas\" must be up to 16 names of areas.");
		used += (size_t)snprintf(text + used, sizeof text - used, "%s\n", name);
	}
	memcpy(subscription->areas, text, used + 1);
	return true;
}

static bool read_hazards(
	const cJSON *hazards, struct subscription *subscription, char *why)
{
	const cJSON *hazard;
	unsigned bits = 0;

	cJSON_ArrayForEach(hazard, hazards)
	{
		const char *name = cJSON_GetStringValue(hazard);
		enum hazard found = name ? hazard_find(name) : HAZARD_COUNT;
		if (found == HAZARD_COUNT || found == HAZARD_DEVICE)
			return refuse(why,
				"\"hazards\" may hold \"air\", \"rain\", \"wind\", \"heat\" and "
				"\"water\".");
		bits |= 1u << found;
	}
	subscription->hazards = bits;
	return true;
}

/* Nothing at all is no list: to be told nothing, one ends the subscription. */
static bool read_lists(const cJSON *object, struct subscription *subscription, char *why)
{
	const cJSON *areas = member(object, "areas");
	const cJSON *hazards = member(object, "hazards");

	if ((cJSON_IsArray(areas) && cJSON_GetArraySize(areas) == 0) ||
		(cJSON_IsArray(hazards) && cJSON_GetArraySize(hazards) == 0))
		return refuse(why,
			"An empty list names nothing; leave it out, or null, for all.");
	if ((areas && !is_default(areas) && !cJSON_IsArray(areas)) ||
		(hazards && !is_default(hazards) && !cJSON_IsArray(hazards)))
		return refuse(why, "\"areas\" and \"hazards\" must be lists.");
	if (is_default(areas))
		subscription->areas[0] = '\0';
	if (is_default(hazards))
		subscription->hazards = 0;
	return (!cJSON_IsArray(areas) || read_areas(areas, subscription, why)) &&
		(!cJSON_IsArray(hazards) || read_hazards(hazards, subscription, why));
}

/* The index of ITEM in NAMES (NULL-ended), -1. */
static int find_choice(const cJSON *item, const char *const *names)
{
	const char *text = cJSON_GetStringValue(item);

	for (int i = 0; text && names[i]; i++)
		if (strcmp(names[i], text) == 0)
			return i;
	return -1;
}

static bool read_choices(
	const cJSON *object, struct subscription *subscription, char *why)
{
	static const char *const levels[] = { "all", "sensitive", NULL };
	const cJSON *level = member(object, "level");
	const cJSON *language = member(object, "language");

	if (level) {
		int index = is_default(level) ? 0 : find_choice(level, levels);
		if (index < 0)
			return refuse(why, "\"level\" must be \"all\" or \"sensitive\".");
		subscription->sensitive = index == 1;
	}
	if (language) {
		int index = find_choice(language, config_languages);
		if (index < 0)
			return refuse(why, "\"language\" must be \"vi\" or \"en\".");
		subscription->language = index;
	}
	return true;
}

/* "22:00" as minutes of the day, -1. */
static int read_minutes(const cJSON *item)
{
	const char *text = cJSON_GetStringValue(item);

	if (!text || strlen(text) != 5 || text[2] != ':')
		return -1;
	for (int i = 0; i < 5; i++)
		if (i != 2 && (text[i] < '0' || text[i] > '9'))
			return -1;
	int hours = (text[0] - '0') * 10 + text[1] - '0';
	int minutes = (text[3] - '0') * 10 + text[4] - '0';
	return hours < 24 && minutes < 60 ? hours * 60 + minutes : -1;
}

static bool read_quiet(const cJSON *object, struct subscription *subscription, char *why)
{
	const cJSON *quiet = member(object, "quiet_hours");
	int from = -1, to = -1;

	if (!quiet)
		return true;
	if (!is_default(quiet)) {
		from = read_minutes(member(quiet, "from"));
		to = read_minutes(member(quiet, "to"));
		if (from < 0 || to < 0)
			return refuse(why,
				"\"quiet_hours\" must be {\"from\":\"22:00\",\"to\":\"06:00\"}, "
				"or null.");
	}
	subscription->quiet_from = from;
	subscription->quiet_to = to;
	return true;
}

static bool read_wishes(const cJSON *object, struct subscription *subscription, char *why)
{
	return read_lists(object, subscription, why) &&
		read_choices(object, subscription, why) &&
		read_quiet(object, subscription, why);
}

/* --- keys and endpoint ---------------------------------------------------------------
 */

static bool read_bytes(const cJSON *item, uint8_t *bytes, size_t size)
{
	const char *text = cJSON_GetStringValue(item);

	return text &&
		base64url_decode(text, strlen(text), bytes, size) == (ptrdiff_t)size;
}

static bool read_place(const cJSON *object, const struct option_strings *hosts,
	struct subscription *subscription, char *why)
{
	const char *endpoint = cJSON_GetStringValue(member(object, "endpoint"));
	const cJSON *keys = member(object, "keys");

	if (!endpoint || strlen(endpoint) >= sizeof subscription->endpoint)
		return refuse(why,
			"\"endpoint\" must be an address of at most 1024 characters.");
	if (push_endpoint_check(hosts, endpoint, subscription->origin) == PUSH_REACH_NONE)
		return refuse(
			why, "\"endpoint\" is not on a push service that is used here.");
	memcpy(subscription->endpoint, endpoint, strlen(endpoint) + 1);
	if (!read_bytes(member(keys, "p256dh"), subscription->p256dh,
		    sizeof subscription->p256dh) ||
		!push_point_is_valid(subscription->p256dh))
		return refuse(why,
			"\"keys.p256dh\" must be a point of P-256, 65 bytes in base64url.");
	if (!read_bytes(
		    member(keys, "auth"), subscription->auth, sizeof subscription->auth))
		return refuse(why, "\"keys.auth\" must be 16 bytes in base64url.");
	return true;
}

static cJSON *parse(const char *text, size_t length, char *why)
{
	cJSON *object = length > 0 ? cJSON_ParseWithLength(text, length) : NULL;

	if (cJSON_IsObject(object))
		return object;
	cJSON_Delete(object);
	refuse(why, "The body must be a JSON object.");
	return NULL;
}

bool wishes_read_new(const char *text, size_t length, const struct option_strings *hosts,
	struct subscription *subscription, char why[static WISHES_WHY_SIZE])
{
	cJSON *object = parse(text, length, why);
	bool ok = object && read_place(object, hosts, subscription, why) &&
		read_wishes(object, subscription, why);

	cJSON_Delete(object);
	return ok;
}

bool wishes_read(const char *text, size_t length, struct subscription *subscription,
	char why[static WISHES_WHY_SIZE])
{
	cJSON *object = parse(text, length, why);
	bool ok = object && read_wishes(object, subscription, why);

	cJSON_Delete(object);
	return ok;
}
