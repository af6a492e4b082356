/* The text of a single value at a station. */
#ifndef MUABUI_TESTS_FILLED_TEXT_H
#define MUABUI_TESTS_FILLED_TEXT_H

#include "alerts/texts.h"

static void fill_text(
	struct message *message, enum text_condition condition, enum text_moment moment)
{
	const struct text_about about = { .condition = condition, .moment = moment };

	texts_fill_about(message, &about);
}

#endif
