#include "alerts/relay_check.h"

#include <stdio.h>
#include <string.h>

#include "core/log.h"

static const int64_t ahead_ms = 5 * 60 * 1000; /* a box's clock may be so much fast */
static const int64_t expires_max_ms = 31LL * 24 * 3600 * 1000; /* as rules may have it */

enum { EPISODE_MIN = 8 }; /* shorter ids would soon be two boxes' */

const char *relay_verdict_name(enum relay_verdict verdict)
{
	static const char *const names[RELAY_VERDICTS] = {
		[RELAY_TAKEN] = "taken",
		[RELAY_KNOWN] = "known",
		[RELAY_RETAINED] = "retained",
		[RELAY_NONSENSE] = "nonsense",
		[RELAY_STRANGER] = "stranger",
		[RELAY_UNSIGNED] = "signature",
		[RELAY_FOREIGN] = "foreign",
		[RELAY_UNTIMELY] = "untimely",
		[RELAY_UNTOLD] = "untold",
		[RELAY_OWN] = "own",
		[RELAY_CAPPED] = "capped",
	};

	return names[verdict];
}

/* What the one + of FILTER matched in TOPIC. */
static bool box_of_topic(
	const char *filter, const char *topic, char box[static NAME_SIZE])
{
	size_t before = strcspn(filter, "+");
	const char *rest = filter + before + 1;

	if (strncmp(filter, topic, before) != 0)
		return false;
	topic += before;
	size_t length = strcspn(topic, "/");
	if (length == 0 || length >= NAME_SIZE || strcmp(topic + length, rest) != 0)
		return false;
	snprintf(box, NAME_SIZE, "%.*s", (int)length, topic);
	return true;
}

static const struct relay_box *find_box(
	const struct relay_options *relay, const char *name)
{
	const struct relay_box *boxes = relay->boxes.items;

	for (size_t i = 0; i < relay->boxes.count; i++)
		if (strcmp(boxes[i].station, name) == 0)
			return &boxes[i];
	return NULL;
}

static bool is_signed(const struct relay_box *box, const struct mqtt_message *message)
{
	char why[256];
	struct envelope_key *key = envelope_key_read(box->key_file, why, sizeof why);

	if (!key) {
		log_error("relay: box %s: %s", box->station, why);
		return false;
	}
	bool good = envelope_is_signed(key, message->bytes, message->length);
	envelope_key_free(key);
	return good;
}

static bool may_speak_of(const struct relay_box *box, const char *station)
{
	if (strcmp(box->station, station) == 0)
		return true;
	for (size_t i = 0; i < box->stations.count; i++)
		if (strcmp(box->stations.values[i], station) == 0)
			return true;
	return false;
}

/* Letters and digits only: an episode's id is a key of push services and of addresses. */
static bool is_episode(const char *id)
{
	size_t length = strlen(id);

	return length >= EPISODE_MIN && length < EPISODE_SIZE &&
		strspn(id,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			"-_") == length;
}

static enum relay_verdict check_message(
	const struct relay_box *box, const struct message *message, int64_t now_ms)
{
	if (message->test || !is_episode(message->id) ||
		!name_is_valid(message->station, strlen(message->station)) ||
		!name_is_valid(message->rule, strlen(message->rule)) ||
		!message->title[0])
		return RELAY_NONSENSE;
	if (!may_speak_of(box, message->station))
		return RELAY_FOREIGN;
	if (now_ms == 0)
		return RELAY_TAKEN;
	/* An end is owed to those who were told, however late. */
	if ((message->expires_ms <= now_ms && !message->resolved) ||
		message->expires_ms > now_ms + expires_max_ms ||
		message->at_ms > now_ms + ahead_ms)
		return RELAY_UNTIMELY;
	return RELAY_TAKEN;
}

enum relay_verdict relay_check(const struct relay_options *relay,
	const struct mqtt_message *message, int64_t now_ms, struct relayed *relayed)
{
	char name[NAME_SIZE];

	if (message->is_retained)
		return RELAY_RETAINED;
	if (!box_of_topic(relay->topic, message->topic, name) ||
		!(relayed->box = find_box(relay, name)))
		return RELAY_STRANGER;
	/* The cheaper question first; a broken envelope is no secret. */
	if (!envelope_read(&relayed->envelope, message->bytes, message->length))
		return RELAY_NONSENSE;
	if (strcmp(relayed->envelope.box, name) != 0)
		return RELAY_STRANGER;
	if (!is_signed(relayed->box, message))
		return RELAY_UNSIGNED;
	if (now_ms > 0 && relayed->envelope.sent_ms > now_ms + ahead_ms)
		return RELAY_UNTIMELY;
	for (size_t i = 0; i < relayed->envelope.count; i++) {
		enum relay_verdict verdict = check_message(
			relayed->box, &relayed->envelope.messages[i], now_ms);

		if (verdict != RELAY_TAKEN)
			return verdict;
	}
	return RELAY_TAKEN;
}
