/* The options of type = "tt10", and what they come to: shared by the output and export.
 */
#ifndef MUABUI_OUTPUTS_TT10_OPTIONS_H
#define MUABUI_OUTPUTS_TT10_OPTIONS_H

#include "config/connection.h"
#include "outputs/file_client.h"
#include "outputs/tt10_file.h"

struct tt10_options {
	struct connection server;
	int tls; /* enum file_tls */
	const char *key_file;
	const char *known_hosts;
	const char *host_fingerprint;
	const char *prefix;
	const char *station;
	const char *folder;
	int64_t period;
	int64_t settle;
	double min_completeness;
	double placeholder;
	int line_end;
	struct option_list parameters; /* struct tt10_parameter */
};

extern const struct option tt10_table[];
void tt10_check(const void *options, const struct config_place *place);

/*
 * The SETTINGS that OPTIONS, as checked, come to. They point into OPTIONS, and into
 * PREFIX and DEFAULTS where the options leave something to them.
 */
void tt10_settings_from(const struct tt10_options *options,
	struct tt10_settings *settings, char prefix[static TT10_PREFIX_MAX + 1],
	struct tt10_parameter defaults[static TT10_PARAMETERS_MAX]);

/*
 * Which of the settings' parameters get a line: those of a list in the configuration
 * all; of the defaults, those of which STORE has ever had a usable value. 0 or -1.
 */
struct store;
int tt10_wanted(const struct tt10_options *options, const struct tt10_settings *settings,
	struct store *store, uint32_t *wanted);

#endif
