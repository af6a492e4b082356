/* The keys that may stand in one group, and those that should not. */
#ifndef MUABUI_CONFIG_KEYS_H
#define MUABUI_CONFIG_KEYS_H

#include <stdbool.h>

#include "config/option.h"

struct config_setting_t;

enum { KEYS_TABLES = 3 };

struct keys {
	const struct option *tables[KEYS_TABLES];
	const char *extra; /* one more, or NULL */
	bool partial;      /* there are others, unknown ones */
	const char *noun;  /* of .word, or NULL */
	const char *word;
};

/* Reports what stands in the group SETTING and is none of KEYS. */
void keys_check(struct config_errors *errors, const struct config_setting_t *setting,
	const struct keys *keys);

/*
 * Reports that the group SETTING lacks the key NAME, unless an unknown key is most
 * likely NAME misspelt: that has been said.
 */
void keys_missing(struct config_errors *errors, const struct config_setting_t *setting,
	const struct keys *keys, const char *name);

#endif
