/* Template messages of Zalo's notification service, and what its answers mean. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "alerts/zalo.h"
#include "core/json.h"
#include "core/reason.h"
#include "core/utf8.h"

enum {
	VALUE_MAX = 8192,
	DIGITS_MIN = 11, /* with the country's */
	DIGITS_MAX = 12,
	NIGHT_WAIT_MS = 30 * 60 * 1000,
	QUOTA_WAIT_MS = 60 * 60 * 1000,
	NOT_SAID = 1, /* no error of theirs */
};

bool zalo_phone(const char *text, char phone[static ZALO_PHONE_SIZE])
{
	char digits[ZALO_PHONE_SIZE];
	size_t count = 0;
	bool is_whole = *text == '+';

	for (text += is_whole; *text; text++) {
		if (strchr(" .-()", *text))
			continue;
		if (*text < '0' || *text > '9' || count == sizeof digits - 1)
			return false;
		digits[count++] = *text;
	}
	digits[count] = '\0';
	bool has_country = is_whole || (!strncmp(digits, "84", 2) && count >= DIGITS_MIN);
	int length = snprintf(phone, ZALO_PHONE_SIZE, "%s%s", has_country ? "" : "84",
		digits + (!has_country && digits[0] == '0'));
	return length >= DIGITS_MIN && length <= DIGITS_MAX && !strncmp(phone, "84", 2);
}

/* VALUE with its placeholders filled in, cut to MAX code points. */
static void put_parameter(struct json *json, const struct message *message,
	const struct zalo_parameter *parameter)
{
	struct buffer value;
	size_t fit = 0;

	buffer_init(&value, VALUE_MAX);
	message_expand(message, parameter->value, false, &value);
	for (int points = 0; points < parameter->max; points++)
		fit += utf8_char_length(buffer_text(&value) + fit, value.length - fit);
	buffer_truncate(&value, fit);
	json_string(json, parameter->name, buffer_text(&value));
	buffer_free(&value);
}

void zalo_body(const struct message *message, const char *template_id,
	const struct option_list *parameters, const char *recipient, bool is_user,
	bool is_development, struct buffer *out)
{
	const struct zalo_parameter *rows = parameters->items;
	char tracking[EPISODE_SIZE + 16];
	struct json json;

	snprintf(tracking, sizeof tracking, "%s-%d", message->id, message->revision);
	json_start(&json, out);
	json_object(&json, NULL);
	if (is_development)
		json_string(&json, "mode", "development");
	json_string(&json, is_user ? "user_id" : "phone", recipient);
	json_string(&json, "template_id", template_id);
	json_object(&json, "template_data");
	for (size_t i = 0; i < parameters->count; i++)
		put_parameter(&json, message, &rows[i]);
	json_end_object(&json);
	json_string(&json, "tracking_id", tracking);
	json_end_object(&json);
}

/* Zalo's own list of errors (zalo.cloud, "Cách xử lý mã lỗi"). */
static const struct verdict {
	int error;
	enum zalo_blame blame;
	enum outcome outcome;
	int wait_ms; /* 0: as usual */
} verdicts[] = {
	{ -101, ZALO_ACCOUNT, OUTCOME_HELD, 0 },      /* application invalid */
	{ -102, ZALO_ACCOUNT, OUTCOME_HELD, 0 },      /* … does not exist */
	{ -103, ZALO_ACCOUNT, OUTCOME_HELD, 0 },      /* … not activated */
	{ -104, ZALO_ACCOUNT, OUTCOME_HELD, 0 },      /* its secret key invalid */
	{ -105, ZALO_ACCOUNT, OUTCOME_HELD, 0 },      /* not linked to an account */
	{ -106, ZALO_ACCOUNT, OUTCOME_HELD, 0 },      /* method unsupported */
	{ -108, ZALO_RECIPIENT, OUTCOME_REFUSED, 0 }, /* phone number invalid */
	{ -109, ZALO_ACCOUNT, OUTCOME_HELD, 0 },      /* template id invalid */
	{ -110, ZALO_RECIPIENT, OUTCOME_REFUSED, 0 }, /* their Zalo is too old */
	{ -111, ZALO_MESSAGE, OUTCOME_REFUSED, 0 },   /* template data empty */
	{ -112, ZALO_MESSAGE, OUTCOME_REFUSED, 0 },   /* … invalid */
	{ -113, ZALO_MESSAGE, OUTCOME_REFUSED, 0 },   /* button invalid */
	{ -114, ZALO_RECIPIENT, OUTCOME_REFUSED, 0 }, /* inactive, or does not want it */
	{ -115, ZALO_ACCOUNT, OUTCOME_HELD, 0 },      /* out of money */
	{ -116, ZALO_MESSAGE, OUTCOME_REFUSED, 0 },   /* text invalid */
	{ -117, ZALO_ACCOUNT, OUTCOME_HELD, 0 },      /* no right to this template */
	{ -118, ZALO_RECIPIENT, OUTCOME_REFUSED, 0 }, /* no Zalo account */
	{ -119, ZALO_RECIPIENT, OUTCOME_REFUSED, 0 }, /* cannot receive */
	{ -120, ZALO_ACCOUNT, OUTCOME_HELD, 0 },      /* account without this right */
	{ -121, ZALO_MESSAGE, OUTCOME_REFUSED, 0 },   /* template without content */
	{ -122, ZALO_MESSAGE, OUTCOME_REFUSED, 0 },   /* body is not as it should be */
	{ -124, ZALO_TOKEN, OUTCOME_HELD, 0 },        /* access token invalid */
	{ -125, ZALO_ACCOUNT, OUTCOME_HELD, 0 },      /* account id invalid */
	{ -126, ZALO_ACCOUNT, OUTCOME_HELD, 0 },      /* wallet empty */
	{ -127, ZALO_RECIPIENT, OUTCOME_REFUSED, 0 }, /* trial to others than admins */
	{ -130, ZALO_MESSAGE, OUTCOME_REFUSED, 0 },   /* parameter too long */
	{ -131, ZALO_ACCOUNT, OUTCOME_HELD, 0 },      /* template not approved */
	{ -132, ZALO_MESSAGE, OUTCOME_REFUSED, 0 },   /* parameter invalid */
	{ -133, ZALO_ACCOUNT, OUTCOME_RETRY, NIGHT_WAIT_MS }, /* not at night */
	{ -135, ZALO_ACCOUNT, OUTCOME_HELD, 0 },              /* account may not send */
	{ -136, ZALO_ACCOUNT, OUTCOME_HELD, 0 },              /* no cloud account */
	{ -137, ZALO_ACCOUNT, OUTCOME_HELD, 0 },              /* payment failed */
	{ -138, ZALO_ACCOUNT, OUTCOME_HELD, 0 },      /* application without this right */
	{ -139, ZALO_RECIPIENT, OUTCOME_REFUSED, 0 }, /* does not want this kind */
	{ -140, ZALO_RECIPIENT, OUTCOME_REFUSED, 0 }, /* outside what is allowed */
	{ -141, ZALO_RECIPIENT, OUTCOME_REFUSED, 0 }, /* wants nothing of this account */
	{ -144, ZALO_ACCOUNT, OUTCOME_RETRY, QUOTA_WAIT_MS }, /* quota of the day */
	{ -145, ZALO_ACCOUNT, OUTCOME_HELD, 0 },              /* kind not allowed */
	{ -146, ZALO_ACCOUNT, OUTCOME_HELD, 0 },              /* template shut off */
	{ -147, ZALO_ACCOUNT, OUTCOME_RETRY, QUOTA_WAIT_MS }, /* its quota of the day */
};

enum zalo_blame zalo_judge(struct answer *answer, const struct buffer *response)
{
	enum zalo_blame blame =
		answer->outcome == OUTCOME_REFUSED ? ZALO_MESSAGE : ZALO_ACCOUNT;

	if (answer->outcome != OUTCOME_DONE)
		return blame;
	cJSON *root = cJSON_ParseWithLength(buffer_text(response), response->length);
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(root, "error");
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "message"));
	double code = cJSON_IsNumber(error) ? error->valuedouble : NOT_SAID;
	if (code != 0) {
		/* What we do not know is tried again, until the message has expired. */
		answer->outcome = OUTCOME_RETRY;
		reason_say(answer, "error %.0f: %.200s", code,
			text ? text : "not an answer we know");
		blame = code == -100 ? ZALO_RECIPIENT : ZALO_ACCOUNT;
	}
	for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
		if (verdicts[i].error != code)
			continue;
		blame = verdicts[i].blame;
		answer->outcome = verdicts[i].outcome;
		if (verdicts[i].wait_ms)
			answer->retry_after_ms = verdicts[i].wait_ms;
	}
	cJSON_Delete(root);
	return blame;
}
