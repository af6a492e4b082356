/* The drivers of this room, for outputs/registry.c; one line for each. */
#ifndef MUABUI_OUTPUTS_DRIVERS_H
#define MUABUI_OUTPUTS_DRIVERS_H

#include "outputs/output.h"

extern const struct output_driver output_file;
extern const struct output_driver output_http;
extern const struct output_driver output_influxdb;
extern const struct output_driver output_tt10;
extern const struct output_driver output_mqtt;
extern const struct output_driver output_prometheus;

#endif
