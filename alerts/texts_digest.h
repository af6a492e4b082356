/* The texts of a digest: several stations of an area in one message. */
#ifndef MUABUI_ALERTS_TEXTS_DIGEST_H
#define MUABUI_ALERTS_TEXTS_DIGEST_H

#include "alerts/texts.h"

/*
 * MESSAGE is filled in (texts_fill_about()) for the worst of STATIONS stations of its
 * area, or for the all-clear of all: makes it one about the area. What is said of the
 * worst stays in its text, and the instruction is as for that one. AREA_NAME is what
 * people call the area.
 */
void texts_make_digest(struct message *message, const struct text_about *about,
	unsigned stations, const char *area_name);

#endif
