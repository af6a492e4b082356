/* Messages of Telegram's bot interface, and what its answers mean. */
#include <cjson/cJSON.h>
#include <string.h>

#include "alerts/telegram.h"
#include "core/json.h"

enum {
	TEXT_MAX = 16 * 1024, /* with entities; the words themselves are below 4096 */
	WAIT_MAX_S = 24 * 3600,
};

bool telegram_is_token(const char *token)
{
	static const char digits[] = "0123456789";
	size_t number = strspn(token, digits);
	const char *rest = token + number;

	if (number == 0 || *rest++ != ':' || !*rest)
		return false;
	return rest[strspn(rest,
		       "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		       "abcdefghijklmnopqrstuvwxyz_-")] == '\0';
}

static void put_escaped(struct buffer *out, const char *text, bool as_html)
{
	for (; *text; text++) {
		if (as_html && *text == '<')
			buffer_puts(out, "&lt;");
		else if (as_html && *text == '>')
			buffer_puts(out, "&gt;");
		else if (as_html && *text == '&')
			buffer_puts(out, "&amp;");
		else
			buffer_putc(out, *text);
	}
}

static void put_text(const struct message *message, bool as_html, struct buffer *out)
{
	struct buffer body;

	buffer_init(&body, sizeof message->text + sizeof message->instruction);
	message_body(message, body.limit, &body);
	buffer_puts(out, as_html ? "<b>" : "");
	put_escaped(out, message->title, as_html);
	buffer_puts(out, as_html ? "</b>\n" : "\n");
	put_escaped(out, buffer_text(&body), as_html);
	buffer_free(&body);
}

void telegram_body(const struct message *message, const char *chat, bool as_html,
	int64_t reply_to, struct buffer *out)
{
	bool is_quiet = message->resolved || message->severity == SEVERITY_MINOR;
	struct buffer text;
	struct json json;

	buffer_init(&text, TEXT_MAX);
	put_text(message, as_html, &text);
	json_start(&json, out);
	json_object(&json, NULL);
	json_string(&json, "chat_id", chat);
	json_string(&json, "text", buffer_text(&text));
	if (as_html)
		json_string(&json, "parse_mode", "HTML");
	json_bool(&json, "disable_notification", is_quiet && !message->test);
	json_object(&json, "link_preview_options");
	json_bool(&json, "is_disabled", true);
	json_end_object(&json);
	if (reply_to) {
		json_object(&json, "reply_parameters");
		json_integer(&json, "message_id", reply_to);
		json_bool(&json, "allow_sending_without_reply", true);
		json_end_object(&json);
	}
	json_end_object(&json);
	out->failed = out->failed || text.failed;
	buffer_free(&text);
}

int64_t telegram_message_id(const struct buffer *response)
{
	cJSON *root = cJSON_ParseWithLength(buffer_text(response), response->length);
	const cJSON *result = cJSON_GetObjectItemCaseSensitive(root, "result");
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(result, "message_id");
	int64_t number =
		cJSON_IsNumber(id) && id->valuedouble > 0 && id->valuedouble < 9e15
		? (int64_t)id->valuedouble
		: 0;

	cJSON_Delete(root);
	return number;
}

/* A 400 that is about the chat, which a person must put right, not about the message. */
static bool is_about_chat(const char *description)
{
	static const char *const signs[] = { "chat not found", "upgraded to a supergroup",
		"not enough rights", "chat_id is empty", "need administrator rights",
		"have no rights", "CHAT_WRITE_FORBIDDEN", "CHAT_ADMIN_REQUIRED" };

	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
		if (strstr(description, signs[i]))
			return true;
	}
	return false;
}

void telegram_judge(struct answer *answer, const struct buffer *response)
{
	cJSON *root = cJSON_ParseWithLength(buffer_text(response), response->length);
	const cJSON *parameters = cJSON_GetObjectItemCaseSensitive(root, "parameters");
	const cJSON *wait = cJSON_GetObjectItemCaseSensitive(parameters, "retry_after");
	const char *description = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(root, "description"));

	if (answer->status == 400 && description && is_about_chat(description))
		answer->outcome = OUTCOME_HELD;
	if (answer->status == 429 && cJSON_IsNumber(wait) && wait->valuedouble >= 0) {
		double seconds =
			wait->valuedouble < WAIT_MAX_S ? wait->valuedouble : WAIT_MAX_S;
		answer->retry_after_ms = (int64_t)(seconds * 1000);
	}
	cJSON_Delete(root);
}
