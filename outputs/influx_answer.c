#include "outputs/influx_answer.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "outputs/http_sender.h"

/*
 *   InfluxDB 1, 2    "partial write: … dropped=N": N were refused, the others taken
 *   InfluxDB 3       {"error":…,"data":[{"line_number":N,…},…]}, the others taken;
 *                    or "data" one such object: nothing was taken
 *   InfluxDB Cloud   {"message":"… error parsing line N (1-based): …","line":N}
 *   QuestDB          {"message":"… error in line N: …","line":N}: nothing was taken
 *
 * InfluxDB 2.0 said 500 to a partial write: repeating it would never end.
 */

static void add_line(struct answer *answer, double line, size_t lines)
{
	if (!(line >= 1) || line > (double)lines ||
		answer->guilty_count == ANSWER_GUILTY_MAX)
		return;
	uint32_t record = (uint32_t)line - 1;
	size_t at = answer->guilty_count;

	while (at > 0 && answer->guilty[at - 1] > record)
		at--;
	if (at > 0 && answer->guilty[at - 1] == record)
		return;
	memmove(answer->guilty + at + 1, answer->guilty + at,
		(answer->guilty_count - at) * sizeof *answer->guilty);
	answer->guilty[at] = record;
	answer->guilty_count++;
}

static void read_data(const cJSON *data, size_t lines, struct answer *answer)
{
	const cJSON *item;

	if (cJSON_IsObject(data))
		add_line(answer,
			cJSON_GetNumberValue(
				cJSON_GetObjectItemCaseSensitive(data, "line_number")),
			lines);
	if (!cJSON_IsArray(data))
		return;
	cJSON_ArrayForEach(item, data) add_line(answer,
		cJSON_GetNumberValue(
			cJSON_GetObjectItemCaseSensitive(item, "line_number")),
		lines);
}

/* A name in our own lines could hold the words, but not at the start of a text's line. */
static void read_message(const char *message, size_t lines, struct answer *answer)
{
	static const char *const words[] = { "error parsing line ", "error in line " };

	for (; message; message = strchr(message, '\n')) {
		message += strspn(message, "\n ");
		for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
			size_t length = strlen(words[i]);
			if (strncmp(message, words[i], length) == 0)
				add_line(answer, strtod(message + length, NULL), lines);
		}
	}
}

static void read_lines(const cJSON *root, size_t lines, struct answer *answer)
{
	const cJSON *message = cJSON_GetObjectItemCaseSensitive(root, "message");
	const cJSON *line = cJSON_GetObjectItemCaseSensitive(root, "line");

	read_data(cJSON_GetObjectItemCaseSensitive(root, "data"), lines, answer);
	if (!cJSON_IsNumber(line))
		return;
	add_line(answer, line->valuedouble, lines);
	if (cJSON_IsString(message))
		read_message(message->valuestring, lines, answer);
}

/* N of "partial write: … dropped=N", -1 when it is not said. */
static int64_t dropped_points(const char *text)
{
	const char *found = strstr(text, "partial write"), *last = NULL;

	/* The last one: a point that is quoted before may say so, too. */
	while (found && (found = strstr(found, "dropped=")))
		last = found += strlen("dropped=");
	return last ? strtoll(last, NULL, 10) : -1;
}

void influx_answer_read(const struct buffer *body, size_t lines, struct answer *answer)
{
	const char *text = buffer_text(body);

	http_sender_doubt_page(body, "not InfluxDB", answer);
	int64_t dropped = dropped_points(text);
	if (answer->status == 500 && dropped > 0)
		answer->outcome = OUTCOME_REFUSED;
	if (answer->outcome != OUTCOME_REFUSED)
		return;
	if (dropped > 0)
		answer->refused = dropped;
	cJSON *root = cJSON_ParseWithLength(text, body->length);
	read_lines(root, lines, answer);
	cJSON_Delete(root);
}
