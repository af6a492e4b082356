/* How a sensor's readings are treated, by the configuration. */
#ifndef MUABUI_GATEWAY_TREATING_H
#define MUABUI_GATEWAY_TREATING_H

#include "config/config.h"
#include "gateway/source.h"

struct treating {
	const struct config *config;
	const struct calibrating *calibrating; /* NULL: nobody can calibrate */
};

/* For pipeline_settings.treat; ARG is a struct treating. */
void treating_find(
	void *arg, const char *station, const char *sensor, struct treatment *treatment);

#endif
