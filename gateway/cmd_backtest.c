/* muabui backtest: what would have been told of recorded readings. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "gateway/arguments.h"
#include "gateway/backtest.h"
#include "gateway/command.h"
#include "gateway/schema.h"

int command_backtest(int argc, char **argv)
{
	const char *config_file = NULL, *file = NULL;
	const struct argument options[] = {
		{ .name = "-c", .value = &config_file },
		{ .name = NULL },
	};
	char why[256];

	if (arguments_take(argc, argv, options, &file, 1, why, sizeof why) < 0)
		return command_usage("backtest", "%s", why);
	if (!config_file)
		return command_usage(
			"backtest", "-c names the configuration to be tried");
	struct config *config = gateway_load_config(config_file);
	if (!config)
		return EXIT_FAILURE;
	bool named = file && strcmp(file, "-") != 0;
	FILE *in = named ? fopen(file, "r") : stdin;
	int status = EXIT_FAILURE;
	if (in)
		status =
			backtest_run(config, in, named ? file : "standard input", stdout);
	else
		log_error("%s: %s", file, strerror(errno));
	if (in && named)
		fclose(in);
	config_free(config);
	return status;
}
