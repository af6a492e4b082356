/* muabui alert log: who was told what, when, and with which answer. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/log.h"
#include "gateway/arguments.h"
#include "gateway/command.h"
#include "gateway/schema.h"
#include "store/delivery_log.h"

enum { LINE_MAX_BYTES = 64 * 1024, OFFSET_MINUTES = 420 };

/* The entry as text for people: one line, tabs between. */
static void print_line(void *arg, const struct delivery *entry)
{
	char time[CLOCK_TEXT_SIZE];

	(void)arg;
	clock_format(time, entry->ended_ms / 1000 * 1000, OFFSET_MINUTES);
	printf("%s\t%s\t%s\t%s\t%s\t%s:%d%s\t%s%s%s\n", time, entry->channel,
		entry->result, *entry->rule ? entry->rule : "-",
		*entry->station ? entry->station : "-", entry->episode, entry->revision,
		entry->resolved ? " (all-clear)" : "", entry->title,
		*entry->answer ? " | " : "", entry->answer);
}

static void put_field(struct buffer *line, const char *text)
{
	if (line->length > 0)
		buffer_putc(line, ',');
	/* A program that takes a cell for a formula is told that it is a text. */
	bool is_formula = *text && strchr("=+-@", *text);
	if (!is_formula && !strpbrk(text, ",\"\r\n")) {
		buffer_puts(line, text);
		return;
	}
	buffer_puts(line, is_formula ? "\"'" : "\"");
	for (; *text; text++) {
		if (*text == '"')
			buffer_putc(line, '"');
		buffer_putc(line, *text);
	}
	buffer_putc(line, '"');
}

static void put_number(struct buffer *line, int64_t number)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, number);
	put_field(line, text);
}

static void put_time(struct buffer *line, int64_t ms)
{
	char text[CLOCK_TEXT_SIZE];

	put_field(line, clock_format(text, ms, OFFSET_MINUTES));
}

static void print_csv(void *arg, const struct delivery *entry)
{
	struct buffer line;

	(void)arg;
	buffer_init(&line, LINE_MAX_BYTES);
	put_time(&line, entry->ended_ms);
	put_field(&line, entry->channel);
	put_field(&line, entry->result);
	put_field(&line, entry->rule);
	put_field(&line, entry->station);
	put_field(&line, entry->episode);
	put_number(&line, entry->revision);
	put_field(&line, entry->resolved ? "resolved" : "firing");
	put_time(&line, entry->created_ms);
	put_number(&line, entry->attempts);
	put_field(&line, entry->language);
	put_field(&line, entry->title);
	put_field(&line, entry->answer);
	puts(buffer_text(&line));
	buffer_free(&line);
}

/* One object per line. */
static void print_json(void *arg, const struct delivery *entry)
{
	struct buffer line;
	struct json json;

	(void)arg;
	buffer_init(&line, LINE_MAX_BYTES);
	json_start(&json, &line);
	json_object(&json, NULL);
	json_time(&json, "time", entry->ended_ms, OFFSET_MINUTES);
	json_string(&json, "channel", entry->channel);
	json_string(&json, "result", entry->result);
	json_string(&json, "rule", entry->rule);
	json_string(&json, "station", entry->station);
	json_string(&json, "id", entry->episode);
	json_integer(&json, "revision", entry->revision);
	json_string(&json, "state", entry->resolved ? "resolved" : "firing");
	json_time(&json, "announced", entry->created_ms, OFFSET_MINUTES);
	json_integer(&json, "attempts", entry->attempts);
	json_string(&json, "language", entry->language);
	json_string(&json, "title", entry->title);
	json_string(&json, "answer", entry->answer);
	/* The message of a dead letter; an unreadable one is shown as it is. */
	if (*entry->body)
		json_string(&json, "body", entry->body);
	json_end_object(&json);
	puts(buffer_text(&line));
	buffer_free(&line);
}

static int print_log(const char *file, const struct delivery_choice *choice,
	void (*print)(void *arg, const struct delivery *entry))
{
	struct config *config = gateway_load_config(file);
	char why[256];

	if (!config)
		return EXIT_FAILURE;
	struct store *store =
		store_open(config->store.path, STORE_READER, why, sizeof why);
	config_free(config);
	if (!store) {
		log_error("%s", why);
		return EXIT_FAILURE;
	}
	if (print == print_csv)
		puts("time,channel,result,rule,station,id,revision,state,announced,"
		     "attempts,language,title,answer");
	int64_t count = delivery_log_each(store, choice, print, NULL);
	if (count < 0)
		log_error("%s", store_error(store));
	store_close(store);
	return count < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int command_alert_log(int argc, char **argv)
{
	const char *file = default_config, *from = NULL, *to = NULL;
	bool csv = false, json = false, refused = false;
	struct delivery_choice choice = { .from_ms = 0 };
	const struct argument table[] = {
		{ .name = "-c", .value = &file },
		{ .name = "--from", .value = &from },
		{ .name = "--to", .value = &to },
		{ .name = "--rule", .value = &choice.rule },
		{ .name = "--station", .value = &choice.station },
		{ .name = "--channel", .value = &choice.channel },
		{ .name = "--refused", .flag = &refused },
		{ .name = "--csv", .flag = &csv },
		{ .name = "--json", .flag = &json },
		{ .name = NULL },
	};
	char why[256];

	if (arguments_take(argc, argv, table, NULL, 0, why, sizeof why) < 0)
		return command_usage("alert", "%s", why);
	if (csv && json)
		return command_usage("alert", "either --csv or --json");
	if ((from && !clock_parse(from, &choice.from_ms)) ||
		(to && !clock_parse(to, &choice.to_ms)))
		return command_usage("alert", "a time is like 2026-11-25T07:00:00+07:00");
	if (refused)
		choice.result = "refused";
	return print_log(file, &choice, csv ? print_csv : json ? print_json : print_line);
}
