/* Payloads for Apple's push service, and what its answers mean. */
#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "alerts/apns.h"
#include "alerts/phone.h"
#include "core/json.h"

enum {
	UUID_BYTES = 16,
	UPDATES_WAIT_MS = 20 * 60 * 1000, /* provider tokens may not come more often */
};

void apns_id(const struct message *message, char uuid[static APNS_UUID_SIZE])
{
	/* The namespace of these names, made once by chance. */
	static const unsigned char space[UUID_BYTES] = { 0x6d, 0x75, 0x61, 0x62, 0x75,
		0x69, 0x4e, 0x1d, 0x9c, 0x53, 0x0a, 0xe4, 0x77, 0x1f, 0x28, 0xb6 };
	unsigned char hash[EVP_MAX_MD_SIZE] = { 0 };
	struct buffer name;

	buffer_init(&name, UUID_BYTES + EPISODE_SIZE + 16);
	buffer_append(&name, space, sizeof space);
	buffer_printf(&name, "%s/%d", message->id, message->revision);
	EVP_Digest(name.data, name.length, hash, NULL, EVP_sha1(), NULL);
	buffer_free(&name);
	hash[6] = (hash[6] & 0x0f) | 0x50;
	hash[8] = (hash[8] & 0x3f) | 0x80;
	int used = 0;
	for (int i = 0; i < UUID_BYTES; i++)
		used += snprintf(uuid + used, (size_t)(APNS_UUID_SIZE - used), "%s%02x",
			i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", hash[i]);
}

struct payload {
	const struct message *message;
	bool may_be_critical;
	struct buffer *out;
};

static size_t put_payload(void *arg, const char *body)
{
	struct payload *payload = arg;
	struct json json;

	buffer_clear(payload->out);
	json_start(&json, payload->out);
	json_object(&json, NULL);
	phone_put_aps(&json, payload->message, body, payload->may_be_critical);
	phone_put_data(&json, payload->message);
	json_end_object(&json);
	return payload->out->failed ? 0 : payload->out->length;
}

bool apns_payload(const struct message *message, bool may_be_critical, struct buffer *out)
{
	struct payload payload = {
		.message = message,
		.may_be_critical = may_be_critical,
		.out = out,
	};

	return phone_fit(message, APNS_PAYLOAD_MAX, put_payload, &payload);
}

/* What Apple's reasons mean where the status alone does not say. */
static const struct verdict {
	const char *reason;
	enum apns_blame blame;
	enum outcome outcome;
} verdicts[] = {
	{ "BadDeviceToken", APNS_DEVICE, OUTCOME_REFUSED },
	{ "DeviceTokenNotForTopic", APNS_DEVICE, OUTCOME_REFUSED },
	{ "Unregistered", APNS_DEVICE, OUTCOME_REFUSED },
	{ "ExpiredToken", APNS_DEVICE, OUTCOME_REFUSED },
	{ "TooManyRequests", APNS_DEVICE, OUTCOME_RETRY },
	{ "ExpiredProviderToken", APNS_TOKEN, OUTCOME_HELD },
	{ "TooManyProviderTokenUpdates", APNS_SERVICE, OUTCOME_RETRY },
	{ "BadTopic", APNS_SERVICE, OUTCOME_HELD },
	{ "MissingTopic", APNS_SERVICE, OUTCOME_HELD },
	{ "TopicDisallowed", APNS_SERVICE, OUTCOME_HELD },
	{ "PayloadTooLarge", APNS_MESSAGE, OUTCOME_REFUSED },
};

enum apns_blame apns_judge(struct answer *answer, const struct buffer *response)
{
	cJSON *root = cJSON_ParseWithLength(buffer_text(response), response->length);
	const char *reason =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "reason"));
	enum apns_blame blame =
		answer->outcome == OUTCOME_REFUSED ? APNS_MESSAGE : APNS_SERVICE;

	if (answer->status == 410) {
		answer->outcome = OUTCOME_REFUSED;
		blame = APNS_DEVICE;
	}
	for (size_t i = 0; reason && i < sizeof verdicts / sizeof *verdicts; i++) {
		const struct verdict *verdict = &verdicts[i];

		if (strcmp(reason, verdict->reason) != 0)
			continue;
		blame = verdict->blame;
		answer->outcome = verdict->outcome;
		if (answer->status == 429 && blame == APNS_SERVICE)
			answer->retry_after_ms = UPDATES_WAIT_MS;
	}
	cJSON_Delete(root);
	return blame;
}
