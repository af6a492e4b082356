/* The section alerts.cap. */
#ifndef MUABUI_CONFIG_CAP_H
#define MUABUI_CONFIG_CAP_H

#include "config/config.h"

extern const struct option_group cap_group;

#endif
