#include "config/keys.h"

#include <libconfig.h>
#include <string.h>

#include "config/errors.h"
#include "config/place.h"
#include "config/text.h"
#include "config/suggest.h"

static bool is_key(const struct keys *keys, const char *name)
{
	if (keys->extra && strcmp(keys->extra, name) == 0)
		return true;
	for (size_t t = 0; t < KEYS_TABLES; t++)
		for (const struct option *o = keys->tables[t]; o && o->name; o++)
			if (strcmp(o->name, name) == 0)
				return true;
	return false;
}

static void suggest_key(
	struct suggestion *suggestion, const struct keys *keys, const char *name)
{
	suggest_init(suggestion, name);
	suggest_try(suggestion, keys->extra);
	for (size_t t = 0; t < KEYS_TABLES; t++)
		for (const struct option *o = keys->tables[t]; o && o->name; o++)
			suggest_try(suggestion, o->name);
}

static bool is_unknown(const struct keys *keys, const config_setting_t *member)
{
	/* The scan has spoken of those with '*'. */
	return member->name && member->name[0] != '*' && !is_key(keys, member->name);
}

void keys_check(struct config_errors *errors, const config_setting_t *setting,
	const struct keys *keys)
{
	for (int i = 0; i < config_setting_length(setting); i++) {
		const config_setting_t *member =
			config_setting_get_elem(setting, (unsigned)i);
		struct suggestion suggestion;
		char nearest[96];

		if (!is_unknown(keys, member))
			continue;
		suggest_key(&suggestion, keys, member->name);
		suggest_text(&suggestion, nearest, sizeof nearest);
		if (keys->partial && !suggestion.best)
			continue;
		if (keys->noun)
			place_complain(errors, member, "unknown key for %s \"%s\"%s",
				keys->noun, keys->word, nearest);
		else
			place_complain(errors, member, "unknown key%s", nearest);
	}
}

/* Is the key NAME there, but misspelt? Then that has been said. */
static bool is_misspelt(
	const config_setting_t *setting, const struct keys *keys, const char *name)
{
	for (int i = 0; i < config_setting_length(setting); i++) {
		const config_setting_t *member =
			config_setting_get_elem(setting, (unsigned)i);
		struct suggestion suggestion;

		if (!is_unknown(keys, member))
			continue;
		suggest_key(&suggestion, keys, member->name);
		if (suggestion.best && strcmp(suggestion.best, name) == 0)
			return true;
	}
	return false;
}

void keys_missing(struct config_errors *errors, const config_setting_t *setting,
	const struct keys *keys, const char *name)
{
	const struct token *token = place_token(errors->source, setting);

	if (!is_misspelt(setting, keys, name))
		errors_add(errors, token->file, token->line, name, "missing");
}
