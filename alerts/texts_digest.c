#include "alerts/texts_digest.h"

#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

/* With the placeholders of texts_expand(); the number stands before the titles. */
static const struct digest_words {
	const char *language;
	const char *titles[TEXT_CONDITION_COUNT];
	const char *stations; /* between their number and the text of the worst */
	const char *title_over, *text_over;
} catalogue[] = {
	{
		.language = "vi",
		.titles = {
			[TEXT_ABOVE] = "trạm vượt ngưỡng {name}",
			[TEXT_BELOW] = "trạm dưới ngưỡng {name}",
			[TEXT_ABSENT] = "trạm mất tín hiệu {name}",
		},
		.stations = "trạm. Nặng nhất:",
		.title_over = "Đã hết cảnh báo: {name} tại {place}",
		.text_over = "Lúc {time}: không còn trạm nào có cảnh báo này. Cảnh báo từ {since} đã kết thúc.",
	},
	{
		.language = "en",
		.titles = {
			[TEXT_ABOVE] = "stations above the threshold, {name}",
			[TEXT_BELOW] = "stations below the threshold, {name}",
			[TEXT_ABSENT] = "stations without data, {name}",
		},
		.stations = "stations. The worst:",
		.title_over = "All clear: {name} at {place}",
		.text_over = "At {time}: no station has this alert any more. The alert since {since} is over.",
	},
};

static const struct digest_words *words_of(const char *language)
{
	return strcmp(language, catalogue[1].language) == 0 ? &catalogue[1]
							    : &catalogue[0];
}

/* It is about the area from now on. */
static void move_to_area(struct message *message, const char *name)
{
	if (!*message->area)
		return;
	snprintf(message->station, sizeof message->station, "%s", message->area);
	snprintf(message->station_name, sizeof message->station_name, "%s", name);
}

void texts_make_digest(struct message *message, const struct text_about *about,
	unsigned stations, const char *area_name)
{
	const struct digest_words *words = words_of(message->language);
	char title[256], text[sizeof message->text + 64];

	move_to_area(message, area_name);
	if (about->moment == TEXT_OVER) {
		texts_expand(message, about, words->title_over, message->title,
			sizeof message->title, TEXTS_TITLE_MAX);
		texts_expand(message, about, words->text_over, message->text,
			sizeof message->text, TEXTS_BODY_MAX);
		return;
	}
	snprintf(title, sizeof title, "{place}: %u %s", stations,
		words->titles[about->condition]);
	texts_expand(message, about, title, message->title, sizeof message->title,
		TEXTS_TITLE_MAX);
	snprintf(text, sizeof text, "%u %s %s", stations, words->stations, message->text);
	utf8_copy_cut(message->text, sizeof message->text, text, TEXTS_BODY_MAX);
}
