/* The command about one sensor: its calibration, and the state of being calibrated. */
#include <cjson/cJSON.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/quantity.h"
#include "core/json.h"
#include "core/log.h"
#include "gateway/arguments.h"
#include "gateway/command.h"
#include "gateway/control.h"
#include "gateway/schema.h"
#include "store/calibrating.h"
#include "web/status_text.h"
#include "web/words.h"

enum { REQUEST_SIZE = 512, ANSWER_SIZE = 1 << 20 };

static void write_request(
	struct buffer *out, const char *name, const char *station, int64_t for_ms)
{
	struct json json;

	buffer_puts(out, "sensor ");
	json_start(&json, out);
	json_object(&json, NULL);
	json_string(&json, "name", name);
	if (station)
		json_string(&json, "station", station);
	if (for_ms >= 0) {
		json_integer(&json, "for_ms", for_ms);
		json_string(&json, "author", command_author());
	}
	json_end_object(&json);
}

static const char *string(const cJSON *object, const char *key)
{
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

	return text ? text : "";
}

static void put_span(struct buffer *out, const cJSON *span)
{
	buffer_puts(out, ": calibrating");
	if (*string(span, "station")) {
		buffer_puts(out, " at ");
		words_plain(out, string(span, "station"));
	}
	buffer_puts(out, " until ");
	words_plain(out, string(span, "until"));
	buffer_puts(out, ", by ");
	words_plain(out, string(span, "author"));
}

static void print_answer(const cJSON *answer)
{
	const cJSON *spans = cJSON_GetObjectItemCaseSensitive(answer, "calibrating");
	const cJSON *rows = cJSON_GetObjectItemCaseSensitive(answer, "calibration");
	const cJSON *item;
	struct buffer text;

	buffer_init(&text, ANSWER_SIZE);
	words_plain(&text, string(answer, "name"));
	cJSON_ArrayForEach(item, spans) put_span(&text, item);
	if (cJSON_GetArraySize(spans) == 0)
		buffer_puts(&text, ": measuring");
	buffer_putc(&text, '\n');
	cJSON_ArrayForEach(item, rows)
	{
		buffer_puts(&text, "  ");
		status_put_calibration(&text, item);
		buffer_putc(&text, '\n');
	}
	if (cJSON_GetArraySize(rows) == 0)
		buffer_puts(
			&text, "  no calibration: values are as the sensor says them\n");
	fputs(buffer_text(&text), stdout);
	buffer_free(&text);
}

static int say(const char *name, const char *text, bool as_json)
{
	cJSON *answer = cJSON_Parse(text);
	const char *error = cJSON_GetStringValue(cJSON_GetObjectItem(answer, "error"));
	bool good = cJSON_IsObject(answer) && !error;

	if (!good)
		log_error("%s: %s", name,
			error ? error : "the gateway's answer is not understood");
	else if (as_json)
		puts(text);
	else
		print_answer(answer);
	cJSON_Delete(answer);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The gateway's answer about the sensor NAME; the exit status. */
static int ask(const struct config *config, const char *name,
	const struct buffer *request, bool as_json)
{
	char path[PATH_MAX], why[PATH_MAX + 128];
	struct buffer answer;
	int status = EXIT_FAILURE;

	control_path(config, path, sizeof path);
	buffer_init(&answer, ANSWER_SIZE);
	if (control_ask(path, buffer_text(request), &answer, why, sizeof why) < 0)
		log_error("%s", why);
	else
		status = say(name, buffer_text(&answer), as_json);
	buffer_free(&answer);
	return status;
}

/* How long it is to be calibrated: 0 not any more, -1 not said. NULL, or what is wrong.
 */
static const char *read_time(const char *const *words, int count, int64_t *for_ms)
{
	*for_ms = -1;
	if (count == 1)
		return NULL;
	if (count == 2 && strcmp(words[1], "measuring") == 0) {
		*for_ms = 0;
		return NULL;
	}
	if (strcmp(words[1], "calibrating") != 0)
		return "it is calibrating TIME, or measuring";
	if (count < 3)
		return "calibrating for how long? 30m";
	if (!quantity_parse_duration(words[2], for_ms) || *for_ms < CALIBRATING_MIN_MS ||
		*for_ms > CALIBRATING_MAX_MS)
		return "the time is one such as 30m, 7d at most";
	return NULL;
}

int command_sensor(int argc, char **argv)
{
	const char *file = default_config, *station = NULL, *rest[3];
	bool as_json = false;
	const struct argument table[] = {
		{ .name = "-c", .value = &file },
		{ .name = "--station", .value = &station },
		{ .name = "--json", .flag = &as_json },
		{ .name = NULL },
	};
	struct buffer request;
	char why[256];
	int64_t for_ms;

	int count = arguments_take(argc, argv, table, rest, 3, why, sizeof why);
	if (count < 0)
		return command_usage("sensor", "%s", why);
	if (count == 0)
		return command_usage("sensor", "which one?");
	const char *wrong = read_time(rest, count, &for_ms);
	if (wrong)
		return command_usage("sensor", "%s", wrong);
	struct config *config = gateway_load_config(file);
	if (!config)
		return EXIT_FAILURE;
	buffer_init(&request, REQUEST_SIZE - 2);
	write_request(&request, rest[0], station, for_ms);
	int status = EXIT_FAILURE;
	if (request.failed)
		log_error("the names are too long");
	else
		status = ask(config, rest[0], &request, as_json);
	buffer_free(&request);
	config_free(config);
	return status;
}
