/* The configuration's schema: the tables of all wings, hung together. */
#ifndef MUABUI_GATEWAY_SCHEMA_H
#define MUABUI_GATEWAY_SCHEMA_H

#include "config/config.h"

/* Valid as long as the program. */
const struct config_schema *gateway_schema(void);

/*
 * Loads FILE; on errors prints them to stderr and returns NULL.
 */
struct config *gateway_load_config(const char *file);

#endif
