/* From libconfig's settings back to the files and lines they stand in. */
#ifndef MUABUI_CONFIG_PLACE_H
#define MUABUI_CONFIG_PLACE_H

#include "config/lexer.h"
#include "config/option.h"

struct config_setting_t;
struct text;

/* The token SETTING begins with: its key, or its value where it has none. */
const struct token *place_token(
	const struct text *source, const struct config_setting_t *setting);

struct config_place place_of(
	struct config_errors *errors, const struct config_setting_t *setting);

/* Says that SETTING is wrong, by its key or that of the list it stands in. */
void place_complain(struct config_errors *errors, const struct config_setting_t *setting,
	const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
