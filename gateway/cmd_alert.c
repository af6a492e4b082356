/* The command about alerts: try a channel, see what there is, silence, acknowledge. */
#include <cjson/cJSON.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/notifier.h"
#include "config/quantity.h"
#include "core/buffer.h"
#include "core/http_client.h"
#include "core/json.h"
#include "core/log.h"
#include "core/mqtt_client.h"
#include "gateway/arguments.h"
#include "gateway/command.h"
#include "gateway/control.h"
#include "gateway/schema.h"
#include "store/desk.h"
#include "web/words.h"

enum {
	WORDS_MAX = 3,
	REQUEST_SIZE = 4096,
	ANSWER_SIZE = 16 << 20,
};

/* What is asked for, as it was typed. */
struct wish {
	const char *words[WORDS_MAX]; /* the first says what to do */
	int count;
	const char *rule, *station, *area, *duration, *reason, *author;
	bool all, as_json;
	int64_t for_ms;
};

/* --- test -------------------------------------------------------------------- */

static const struct option_item *find_channel(
	const struct config *config, const char *name)
{
	const struct option_item *items = config->alerts.channels.items;

	for (size_t i = 0; i < config->alerts.channels.count; i++)
		if (strcmp(items[i].name, name) == 0)
			return &items[i];
	return NULL;
}

static int say_outcome(const char *channel, const char *outcome, const char *reason)
{
	bool done = strcmp(outcome, outcome_name(OUTCOME_DONE)) == 0;

	printf("%s: %s%s%s\n", channel, done ? "the test message was taken" : outcome,
		reason && *reason ? ": " : "", reason ? reason : "");
	return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Without a running gateway the channel is tried from here. */
static int test_here(const struct config *config, const struct option_item *channel)
{
	struct answer answer = { 0 };

	http_client_setup();
	mqtt_client_setup();
	notifier_test(config, channel, &answer);
	http_client_cleanup();
	return say_outcome(channel->name, outcome_name(answer.outcome), answer.reason);
}

static int say_answer(const char *channel, const char *text)
{
	cJSON *answer = cJSON_Parse(text);
	const char *error = cJSON_GetStringValue(cJSON_GetObjectItem(answer, "error"));
	const char *outcome =
		cJSON_GetStringValue(cJSON_GetObjectItem(answer, "outcome"));
	const char *reason = cJSON_GetStringValue(cJSON_GetObjectItem(answer, "reason"));
	int status = EXIT_FAILURE;

	if (outcome)
		status = say_outcome(channel, outcome, reason);
	else
		log_error("%s: %s", channel, error ? error : "no answer");
	cJSON_Delete(answer);
	return status;
}

static int test_channel(const struct config *config, const struct wish *wish)
{
	const struct option_item *channel = find_channel(config, wish->words[1]);
	char why[PATH_MAX + 128], path[PATH_MAX], request[256];
	struct buffer answer;
	int status;

	if (!channel) {
		log_error("there is no channel \"%s\" in the configuration",
			wish->words[1]);
		return EXIT_FAILURE;
	}
	control_path(config, path, sizeof path);
	snprintf(request, sizeof request, "alert test %s", channel->name);
	buffer_init(&answer, ANSWER_SIZE);
	if (control_ask(path, request, &answer, why, sizeof why) == 0)
		status = say_answer(channel->name, buffer_text(&answer));
	else
		status = test_here(config, channel);
	buffer_free(&answer);
	return status;
}

/* --- what is printed ------------------------------------------------------------ */

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const char *string(const cJSON *object, const char *key)
{
	const char *text = cJSON_GetStringValue(get(object, key));

	return text ? text : "";
}

/* "BEFORE TEXT", where there is a text. */
static void put(struct buffer *out, const char *before, const char *text)
{
	if (!*text)
		return;
	buffer_puts(out, before);
	words_plain(out, text);
}

static void print_silence(const cJSON *silence, struct buffer *out)
{
	buffer_printf(out, "%.0f:", cJSON_GetNumberValue(get(silence, "id")));
	put(out, " rule ", string(silence, "rule"));
	put(out, " station ", string(silence, "station"));
	put(out, " area ", string(silence, "area"));
	put(out, cJSON_IsTrue(get(silence, "in_force")) ? ", until " : ", ended ",
		string(silence, "until"));
	put(out, " by ", string(silence, "ended_by"));
	put(out, "; ", string(silence, "author"));
	put(out, ": ", string(silence, "reason"));
	buffer_putc(out, '\n');
}

static void print_value(const cJSON *alert, struct buffer *out)
{
	const cJSON *value = get(alert, "value"), *threshold = get(alert, "threshold");
	const struct metric *metric = metric_find(string(alert, "metric"));

	put(out, ": ", string(alert, "metric"));
	if (cJSON_IsNumber(value)) {
		buffer_putc(out, ' ');
		words_value(out, metric, value->valuedouble, WORDS_EN);
		put(out, " ", metric ? words_unit(metric) : "");
		put(out, " at ", string(alert, "at"));
	}
	if (cJSON_IsNumber(threshold)) {
		buffer_puts(out, ", threshold ");
		words_value(out, metric, threshold->valuedouble, WORDS_EN);
	}
}

static void print_told(const cJSON *alert, struct buffer *out)
{
	const cJSON *channels = get(alert, "told_to"), *channel;
	const char *between = "; told to ";

	cJSON_ArrayForEach(channel, channels)
	{
		put(out, between, cJSON_GetStringValue(channel));
		between = ", ";
	}
	if (cJSON_GetArraySize(channels) == 0)
		buffer_puts(out,
			cJSON_IsTrue(get(alert, "in_digest")) ? "; told in a digest"
							      : "; nobody was told");
}

static void print_alert(const cJSON *alert, struct buffer *out)
{
	const cJSON *silence = get(alert, "silenced_by");

	words_plain(out, string(alert, "rule"));
	put(out, " at ", string(alert, "station"));
	put(out, " in ", string(alert, "area"));
	print_value(alert, out);
	put(out, "; ", string(alert, "severity"));
	put(out, " since ", string(alert, "since"));
	if (cJSON_IsTrue(get(alert, "over")))
		buffer_puts(out, "; over, the all-clear waits");
	print_told(alert, out);
	put(out, "; acknowledged by ", string(alert, "acknowledged_by"));
	if (cJSON_IsNumber(silence))
		buffer_printf(out, "; silenced by %.0f", silence->valuedouble);
	put(out, "; ", string(alert, "id"));
	buffer_putc(out, '\n');
}

static void print_list(const cJSON *list, const char *nothing, struct buffer *out,
	void (*print)(const cJSON *item, struct buffer *out))
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list) print(item, out);
	if (cJSON_GetArraySize(list) == 0)
		buffer_printf(out, "%s\n", nothing);
}

static void print_answer(const cJSON *answer, struct buffer *out)
{
	if (get(answer, "silences"))
		print_list(get(answer, "silences"), "nothing is silenced", out,
			print_silence);
	else if (get(answer, "alerts"))
		print_list(
			get(answer, "alerts"), "there are no alerts", out, print_alert);
	else if (get(answer, "reason"))
		print_silence(answer, out);
	else if (get(answer, "episode")) {
		words_plain(out, string(answer, "rule"));
		put(out, " at ", string(answer, "station"));
		put(out, ": acknowledged by ", string(answer, "acknowledged_by"));
		buffer_putc(out, '\n');
	} else {
		buffer_printf(
			out, "%.0f: ended\n", cJSON_GetNumberValue(get(answer, "id")));
	}
}

static int say(const char *text, bool as_json)
{
	cJSON *answer = cJSON_Parse(text);
	const char *error = cJSON_GetStringValue(get(answer, "error"));
	bool good = cJSON_IsObject(answer) && !error;
	struct buffer out;

	buffer_init(&out, ANSWER_SIZE);
	if (!good)
		log_error("%s", error ? error : "the gateway's answer is not understood");
	else if (as_json)
		puts(text);
	else
		print_answer(answer, &out);
	fputs(buffer_text(&out), stdout);
	buffer_free(&out);
	cJSON_Delete(answer);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- what is asked --------------------------------------------------------------- */

static void put_string(struct json *json, const char *key, const char *text)
{
	if (text)
		json_string(json, key, text);
}

static void write_request(struct buffer *out, const struct wish *wish)
{
	bool is_ack = strcmp(wish->words[0], "ack") == 0;
	bool is_unsilence = strcmp(wish->words[0], "unsilence") == 0;
	struct json json;

	buffer_printf(out, "alert %s ", wish->words[0]);
	json_start(&json, out);
	json_object(&json, NULL);
	put_string(
		&json, "rule", is_ack && wish->count == 3 ? wish->words[1] : wish->rule);
	put_string(&json, "station",
		is_ack && wish->count == 3 ? wish->words[2] : wish->station);
	put_string(&json, "area", wish->area);
	put_string(&json, "reason", wish->reason);
	if (is_ack && wish->count == 2)
		json_string(&json, "episode", wish->words[1]);
	if (is_unsilence)
		json_integer(&json, "id", strtoll(wish->words[1], NULL, 10));
	if (wish->for_ms > 0)
		json_integer(&json, "for_ms", wish->for_ms);
	json_string(&json, "author", wish->author ? wish->author : command_author());
	json_bool(&json, "all", wish->all);
	json_end_object(&json);
}

static int ask(const struct config *config, const struct wish *wish)
{
	char path[PATH_MAX], why[PATH_MAX + 128];
	struct buffer request, answer;
	int status = EXIT_FAILURE;

	control_path(config, path, sizeof path);
	buffer_init(&request, REQUEST_SIZE - 2);
	buffer_init(&answer, ANSWER_SIZE);
	write_request(&request, wish);
	if (request.failed)
		log_error("the names or the reason are too long");
	else if (control_ask(path, buffer_text(&request), &answer, why, sizeof why) < 0)
		log_error("%s", why);
	else
		status = say(buffer_text(&answer), wish->as_json);
	buffer_free(&request);
	buffer_free(&answer);
	return status;
}

/* --- the command ------------------------------------------------------------------ */

static const char *check_silence(struct wish *wish)
{
	if (!wish->rule && !wish->station && !wish->area)
		return "what is to be silent? --rule, --station or --area";
	if (!wish->duration)
		return "for how long? --for 2h";
	if (!quantity_parse_duration(wish->duration, &wish->for_ms) ||
		wish->for_ms < SILENCE_MIN_MS || wish->for_ms > SILENCE_MAX_MS)
		return "the time is one such as 2h, 30d at most";
	return wish->reason ? NULL : "why? --reason \"…\"";
}

static bool is_number(const char *text)
{
	size_t length = strspn(text, "0123456789");

	return length > 0 && length < 16 && text[length] == '\0';
}

/* NULL, or what is wrong with it. */
static const char *check(struct wish *wish)
{
	const struct {
		const char *word;
		int min, max; /* words, itself included */
	} table[] = {
		{ "test", 2, 2 },
		{ "list", 1, 1 },
		{ "silence", 1, 1 },
		{ "silences", 1, 1 },
		{ "unsilence", 2, 2 },
		{ "ack", 2, 3 },
	};

	for (size_t i = 0; wish->count > 0 && i < sizeof table / sizeof *table; i++) {
		if (strcmp(table[i].word, wish->words[0]) != 0)
			continue;
		if (wish->count < table[i].min || wish->count > table[i].max)
			return "which one?";
		if (strcmp(wish->words[0], "silence") == 0)
			return check_silence(wish);
		if (strcmp(wish->words[0], "unsilence") == 0 &&
			!is_number(wish->words[1]))
			return "which one? Its number";
		return NULL;
	}
	return "what to do?";
}

int command_alert(int argc, char **argv)
{
	const char *file = default_config;
	struct wish wish = { .count = 0 };
	const struct argument table[] = {
		{ .name = "-c", .value = &file },
		{ .name = "--rule", .value = &wish.rule },
		{ .name = "--station", .value = &wish.station },
		{ .name = "--area", .value = &wish.area },
		{ .name = "--for", .value = &wish.duration },
		{ .name = "--reason", .value = &wish.reason },
		{ .name = "--author", .value = &wish.author },
		{ .name = "--all", .flag = &wish.all },
		{ .name = "--json", .flag = &wish.as_json },
		{ .name = NULL },
	};
	char why[256];

	if (argc > 1 && strcmp(argv[1], "log") == 0)
		return command_alert_log(argc - 1, argv + 1);
	wish.count =
		arguments_take(argc, argv, table, wish.words, WORDS_MAX, why, sizeof why);
	if (wish.count < 0)
		return command_usage("alert", "%s", why);
	const char *wrong = check(&wish);
	if (wrong)
		return command_usage("alert", "%s", wrong);
	struct config *config = gateway_load_config(file);
	if (!config)
		return EXIT_FAILURE;
	int status = strcmp(wish.words[0], "test") == 0 ? test_channel(config, &wish)
							: ask(config, &wish);
	config_free(config);
	return status;
}
