/*
 * Topics, filters and the names made of them, with libFuzzer: three texts with a line end
 * between them. Matching is held against a reader that goes level by level, as MQTT 3.1.1
 * §4.7 tells it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/reading.h"
#include "sensors/inbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The levels of filter and topic from here on; NULL: there are no more. */
static bool matches(const char *filter, const char *topic)
{
	if (!filter)
		return !topic;
	const char *next_filter = strchr(filter, '/');
	size_t length = strcspn(filter, "/");

	if (length == 1 && *filter == '#')
		return true;
	if (!topic)
		return false;
	const char *next_topic = strchr(topic, '/');
	bool same = length == strcspn(topic, "/") && memcmp(filter, topic, length) == 0;
	if (!same && !(length == 1 && *filter == '+'))
		return false;
	return matches(
		next_filter ? next_filter + 1 : NULL, next_topic ? next_topic + 1 : NULL);
}

/* "#" stands alone and last, "+" alone: others never come out of a configuration. */
static bool is_filter(const char *filter)
{
	size_t length;

	for (; *filter; filter += length + (filter[length] != '\0')) {
		length = strcspn(filter, "/");
		if (memchr(filter, '#', length) && (length > 1 || filter[1]))
			return false;
		if (memchr(filter, '+', length) && length > 1)
			return false;
	}
	return true;
}

static char *next_line(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');

	*rest = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return strdup(line); /* ends where memory ends */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text, name[NAME_SIZE];

	if (!text || size > 4096) {
		free(text);
		return 0;
	}
	memcpy(text, data, size);
	text[size] = '\0';
	char *filter = next_line(&rest), *topic = next_line(&rest);
	char *template = next_line(&rest);
	if (!filter || !topic || !template)
		abort();
	bool wild = *filter == '+' || *filter == '#';
	bool wanted = matches(filter, topic) && !(wild && *topic == '$');
	if (*filter && *topic && is_filter(filter) &&
		inbox_topic_matches(filter, topic) != wanted)
		abort();
	if (inbox_name(template, filter, topic, "device", name) &&
		!name_is_valid(name, strlen(name)))
		abort();
	free(filter);
	free(topic);
	free(template);
	free(text);
	return 0;
}
