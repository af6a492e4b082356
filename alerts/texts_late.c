#include "alerts/texts.h"

#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

static const struct late_words {
	const char *language;
	const char
		*titles[2]; /* before the title of an alert that stands, and of its end */
	const char *text;   /* behind the text */
} late_words[] = {
	{
		.language = "vi",
		.titles = { "Vẫn còn: ", "" },
		.text = " Tin này đến muộn do mất liên lạc.",
	},
	{
		.language = "en",
		.titles = { "Still: ", "" },
		.text = " This message is late: it could not be sent before.",
	},
};

void texts_mark_late(struct message *message)
{
	bool is_english = strcmp(message->language, "en") == 0;
	const struct late_words *words = &late_words[is_english];
	const char *before = words->titles[message->resolved];
	char title[sizeof message->title + 16], text[sizeof message->text - 128];
	/* The words at the end are what matters: room is made before them. */
	size_t most = TEXTS_BODY_MAX - utf8_count(words->text);

	/* A reminder says so itself. */
	if (strncmp(message->title, before, strlen(before)) == 0)
		before = "";
	snprintf(title, sizeof title, "%s%s", before, message->title);
	utf8_copy_cut(message->title, sizeof message->title, title, TEXTS_TITLE_MAX);
	utf8_copy_cut(text, sizeof text, message->text, most);
	snprintf(message->text, sizeof message->text, "%s%s", text, words->text);
}
