/*
 * A bounded list of what happened lately, which streams read from, each at its own place.
 * Not thread-safe. Pure.
 */
#ifndef MUABUI_WEB_EVENT_LIST_H
#define MUABUI_WEB_EVENT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/reading.h"
#include "web/words.h"

enum {
	EVENT_SLOTS = 2048,
	EVENT_BYTES = 1 << 20, /* of all of them */
};

struct event {
	char station[NAME_SIZE]; /* "": it concerns everybody */
	int language;            /* enum words_language; -1: it is for all */
	char *text;              /* as it is sent */
	size_t length;
};

struct event_list {
	uint64_t first, next; /* numbers of the oldest one there is, and of the next */
	size_t bytes;
	struct event slots[EVENT_SLOTS];
};

/* Zeroed it is empty. */
void event_list_free(struct event_list *list);

/* Adds TEXT (copied); the oldest go. False: memory is out, and it is not there. */
bool event_list_add(struct event_list *list, const char *station, int language,
	const struct buffer *text);

/* Where a stream stands, and what it wants. */
struct event_place {
	uint64_t next;           /* number of the event it is in */
	size_t offset;           /* bytes of it that were taken */
	char station[NAME_SIZE]; /* "": all */
	enum words_language language;
};

/* Is there something for PLACE? Moves it over what is not for it. */
bool event_list_has(const struct event_list *list, struct event_place *place);

/* Has PLACE missed something? Then there is no going on. */
bool event_list_is_behind(const struct event_list *list, const struct event_place *place);

/* Copies at most SIZE bytes for PLACE, which moves on. How many. */
size_t event_list_take(
	const struct event_list *list, struct event_place *place, char *out, size_t size);

#endif
