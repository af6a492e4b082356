#include "config/names.h"

#include <libconfig.h>
#include <string.h>

#include "config/errors.h"
#include "config/place.h"
#include "config/text.h"
#include "core/reading.h"

static const char *name_at(
	const struct option_list *list, size_t i, size_t size, size_t offset)
{
	return *(const char *const *)((const char *)list->items + i * size + offset);
}

void names_check(const struct option_list *list, size_t size, size_t offset)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *name = name_at(list, i, size, offset);

		if (!name)
			continue;
		if (!name_is_valid(name, strlen(name)))
			config_error(&list->places[i], "name",
				"must have 1 to %d bytes without '/', '+', '#' and control "
				"characters, and no '\\' at the end",
				NAME_SIZE - 1);
		for (size_t k = 0; k < i; k++) {
			const char *other = name_at(list, k, size, offset);

			if (!other || strcmp(other, name) != 0)
				continue;
			const config_setting_t *first = config_setting_get_member(
				list->places[k].setting, "name");
			const struct token *token =
				place_token(list->places[k].errors->source, first);
			config_error(&list->places[i], "name",
				"duplicate name \"%.63s\", first at %s:%d", name,
				text_file(list->places[k].errors->source, token->file),
				token->line);
			break;
		}
	}
}
