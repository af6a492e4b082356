/* Reads libconfig's tree into structs, by option tables. */
#ifndef MUABUI_CONFIG_LOADER_H
#define MUABUI_CONFIG_LOADER_H

#include "config/arena.h"
#include "config/errors.h"
#include "config/option.h"
#include "config/text.h"

struct config_setting_t;

enum { LOADER_LIST_MAX = 1000 }; /* groups in a list */

struct loader {
	struct arena *arena;   /* for what is read */
	struct arena *scratch; /* for the time of loading */
	struct config_errors *errors;
	const struct text *source;
	const struct option_list *metrics; /* struct metric_config; those declared here */
	struct loader_list *lists;         /* the loader's own */
	size_t skipped; /* values left out because of an error reported elsewhere */
};

/* Reads the whole tree ROOT by GROUP into VALUES (zeroed); what is wrong: errors. */
void loader_read(struct loader *loader, const struct config_setting_t *root,
	const struct option_group *group, void *values);

/* The place of the tree as a whole, for checks. */
struct config_place loader_place(
	const struct loader *loader, const struct config_setting_t *root);

/* Takes from every place what is only valid while loading. */
void loader_finish(struct loader *loader);

#endif
