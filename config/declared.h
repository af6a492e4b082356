/* The keys of a metric that the configuration declares. Checking a row declares it. */
#ifndef MUABUI_CONFIG_DECLARED_H
#define MUABUI_CONFIG_DECLARED_H

#include "config/option.h"

extern const struct option_group metric_group;

#endif
