/* The option tables of the file as a whole: station, store, metrics, … */
#ifndef MUABUI_CONFIG_SECTIONS_H
#define MUABUI_CONFIG_SECTIONS_H

#include "config/config.h"

enum {
	SECTIONS_MAX = 16,
	SECTIONS_ALERTS_MAX = 16,
};

/* The tables with a schema's own hung in. They point at each other: not to be copied. */
struct sections {
	struct option rows[SECTIONS_MAX];
	struct option alerts_rows[SECTIONS_ALERTS_MAX];
	struct option_group alerts;
	struct option_group root; /* reads a struct config */
};

/* SCHEMA must outlive SECTIONS. */
void sections_init(struct sections *sections, const struct config_schema *schema);

#endif
