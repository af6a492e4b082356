#include "config/place.h"

#include <libconfig.h>
#include <stdarg.h>

#include "config/errors.h"
#include "config/text.h"

const struct token *place_token(
	const struct text *source, const config_setting_t *setting)
{
	static const struct token start = { .line = 1 };
	size_t i = config_setting_source_line(setting);

	if (i == 0 || source->count == 0)
		return &start;
	i = i > source->count ? source->count - 1 : i - 1;
	/* libconfig looks one token ahead before it knows that a text has ended. */
	if (!setting->name && setting->type == CONFIG_TYPE_STRING)
		while (i > 0 && source->tokens[i].type != TOKEN_STRING)
			i--;
	return &source->tokens[i];
}

struct config_place place_of(
	struct config_errors *errors, const config_setting_t *setting)
{
	const struct token *token = place_token(errors->source, setting);

	return (struct config_place){
		.file = text_file(errors->source, token->file),
		.line = token->line,
		.errors = errors,
		.setting = setting,
	};
}

static const char *key_of(const config_setting_t *setting)
{
	while (setting && !setting->name)
		setting = setting->parent;
	return setting ? setting->name : NULL;
}

void place_complain(struct config_errors *errors, const config_setting_t *setting,
	const char *format, ...)
{
	const struct token *token = place_token(errors->source, setting);
	va_list args;

	va_start(args, format);
	errors_vadd(errors, token->file, token->line, key_of(setting), format, args);
	va_end(args);
}

void config_error(
	const struct config_place *place, const char *key, const char *format, ...)
{
	const config_setting_t *setting = place->setting, *member = NULL;
	struct config_errors *errors = place->errors;
	va_list args;

	if (!errors)
		return;
	if (key && setting && config_setting_is_group(setting))
		member = config_setting_get_member(setting, key);
	if (!member)
		member = setting;
	const struct token *token = member ? place_token(errors->source, member)
					   : &(struct token){ .line = 1 };
	va_start(args, format);
	errors_vadd(errors, token->file, token->line,
		key || !setting ? key : key_of(setting), format, args);
	va_end(args);
}
