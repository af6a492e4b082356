#include "web/event_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void drop_first(struct event_list *list)
{
	struct event *event = &list->slots[list->first++ % EVENT_SLOTS];

	list->bytes -= event->length;
	free(event->text);
	*event = (struct event){ .length = 0 };
}

void event_list_free(struct event_list *list)
{
	while (list->first < list->next)
		drop_first(list);
}

bool event_list_add(struct event_list *list, const char *station, int language,
	const struct buffer *text)
{
	char *copy = text->failed ? NULL : malloc(text->length + 1);

	if (!copy)
		return false;
	memcpy(copy, buffer_text(text), text->length + 1);
	while (list->first < list->next &&
		(list->next - list->first == EVENT_SLOTS ||
			list->bytes + text->length > EVENT_BYTES))
		drop_first(list);
	struct event *event = &list->slots[list->next++ % EVENT_SLOTS];
	*event = (struct event){
		.language = language, .text = copy, .length = text->length
	};
	snprintf(event->station, sizeof event->station, "%s", station);
	list->bytes += event->length;
	return true;
}

static bool is_for(const struct event *event, const struct event_place *place)
{
	return (!*place->station || !*event->station ||
		       strcmp(place->station, event->station) == 0) &&
		(event->language < 0 || event->language == (int)place->language);
}

bool event_list_is_behind(const struct event_list *list, const struct event_place *place)
{
	return place->next < list->first;
}

bool event_list_has(const struct event_list *list, struct event_place *place)
{
	while (place->next >= list->first && place->next < list->next) {
		if (is_for(&list->slots[place->next % EVENT_SLOTS], place))
			return true;
		place->next++;
		place->offset = 0;
	}
	return false;
}

size_t event_list_take(
	const struct event_list *list, struct event_place *place, char *out, size_t size)
{
	size_t taken = 0;

	while (taken < size && event_list_has(list, place)) {
		const struct event *event = &list->slots[place->next % EVENT_SLOTS];
		size_t length = event->length - place->offset;

		if (length > size - taken)
			length = size - taken;
		memcpy(out + taken, event->text + place->offset, length);
		taken += length;
		place->offset += length;
		if (place->offset < event->length)
			break;
		place->next++;
		place->offset = 0;
	}
	return taken;
}
