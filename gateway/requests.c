#include "gateway/requests.h"

#include <stdio.h>
#include <string.h>

#include "alerts/notifier.h"
#include "core/json.h"
#include "web/table.h"

void requests_error(struct buffer *out, const char *why)
{
	struct json json;

	json_start(&json, out);
	json_object(&json, NULL);
	json_string(&json, "error", why);
	json_end_object(&json);
}

static void answer_status(
	const struct requests *requests, const char *rest, struct buffer *out)
{
	(void)rest;
	view_status_json(requests->view, out);
}

/* A terminal cannot be larger; a request of more is a slip. */
enum { COLUMNS_MAX = 1000, ROWS_MAX = 1000, TABLE_MAX = 1 << 20 };

static void answer_table(
	const struct requests *requests, const char *rest, struct buffer *out)
{
	int columns, rows;
	char colour[8];
	struct buffer table;
	struct json json;

	if (sscanf(rest, "%4d %4d %7s", &columns, &rows, colour) != 3 || columns < 1 ||
		columns > COLUMNS_MAX || rows < 0 || rows > ROWS_MAX) {
		requests_error(out, "table COLUMNS ROWS live|plain");
		return;
	}
	buffer_init(&table, TABLE_MAX);
	table_render(requests->view, columns, rows, strcmp(colour, "live") == 0, &table);
	json_start(&json, out);
	json_object(&json, NULL);
	json_string(&json, "table", buffer_text(&table));
	json_end_object(&json);
	buffer_free(&table);
}

static const struct option_item *find_item(
	const struct option_list *list, const char *name)
{
	const struct option_item *items = list->items;

	for (size_t i = 0; i < list->count; i++)
		if (strcmp(items[i].name, name) == 0)
			return &items[i];
	return NULL;
}

static void answer_alert_test(
	const struct requests *requests, const char *name, struct buffer *out)
{
	const struct option_item *item =
		find_item(&requests->config->alerts.channels, name);
	struct answer answer = { 0 };
	struct json json;

	if (!item) {
		requests_error(out, "there is no such channel");
		return;
	}
	notifier_test(requests->config, item, &answer);
	json_start(&json, out);
	json_object(&json, NULL);
	json_string(&json, "outcome", outcome_name(answer.outcome));
	json_integer(&json, "status", answer.status);
	json_string(&json, "reason", answer.reason);
	json_end_object(&json);
}

void requests_answer(void *arg, const char *request, struct buffer *out)
{
	static const struct {
		const char *word; /* ends in a space where something follows */
		void (*answer)(const struct requests *requests, const char *rest,
			struct buffer *out);
	} table[] = {
		{ "status", answer_status },
		{ "table ", answer_table },
		{ "alert test ", answer_alert_test },
		{ "alert ", request_alert },
		{ "sensor ", request_sensor },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		size_t length = strlen(table[i].word);
		bool more = table[i].word[length - 1] == ' ';

		if (strncmp(request, table[i].word, length) != 0 ||
			(!more && request[length] != '\0'))
			continue;
		table[i].answer(arg, request + length, out);
		return;
	}
	requests_error(out, "unknown request");
}
