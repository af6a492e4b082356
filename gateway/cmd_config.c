/* The commands that begin with a configuration: run, check, status. */
#include <cjson/cJSON.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/quantity.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/number.h"
#include "gateway/arguments.h"
#include "gateway/command.h"
#include "gateway/control.h"
#include "gateway/daemon.h"
#include "gateway/schema.h"
#include "gateway/wear.h"
#include "web/status_text.h"

enum { TEXT_MAX = 16 << 20 };

/* --- run ----------------------------------------------------------------- */

int command_run(int argc, char **argv)
{
	const char *file = default_config, *speed = NULL;
	bool live = false, verbose = false;
	const struct argument table[] = {
		{ .name = "-c", .value = &file },
		{ .name = "--speed", .value = &speed },
		{ .name = "--live", .flag = &live },
		{ .name = "-v", .flag = &verbose },
		{ .name = NULL },
	};
	char why[256];
	double factor = 1;

	if (arguments_take(argc, argv, table, NULL, 0, why, sizeof why) < 0)
		return command_usage("run", "%s", why);
	if (speed &&
		(!number_parse(speed, strlen(speed), &factor) || factor <= 0 ||
			factor > 100000))
		return command_usage("run", "--speed is a number above 0, up to 100000");
	if (verbose)
		log_set_level(LOG_LEVEL_DEBUG);
	if (speed)
		clock_simulate(0, factor);
	struct config *config = gateway_load_config(file);
	if (!config)
		return EXIT_FAILURE;
	struct daemon_settings settings = { .config_file = file, .live = live };
	return daemon_run(&settings, config);
}

/* --- check --------------------------------------------------------------- */

static int print_options(void)
{
	struct buffer text;

	buffer_init(&text, TEXT_MAX);
	config_help(gateway_schema(), &text);
	fputs(buffer_text(&text), stdout);
	buffer_free(&text);
	return EXIT_SUCCESS;
}

/* What docs/durability.md explains, in figures of this configuration. */
static void print_wear(const struct config *config)
{
	char span[QUANTITY_TEXT_SIZE];
	struct wear wear;

	wear_estimate(config, &wear);
	quantity_format_duration(span, wear.lost_ms);
	printf("a power cut costs at most the readings of %s%s; a crash or kill costs none\n",
		span, wear.acknowledged ? ", none that was acknowledged" : "");
	printf("about %.0f MB are written to the disk in a day: %.0f reports in %.0f commits\n",
		wear.bytes / 1e6, wear.reports, wear.commits);
}

int command_check(int argc, char **argv)
{
	const char *file = default_config;
	bool print = false, options = false;
	const struct argument table[] = {
		{ .name = "-c", .value = &file },
		{ .name = "--print", .flag = &print },
		{ .name = "--options", .flag = &options },
		{ .name = NULL },
	};
	char why[256];

	if (arguments_take(argc, argv, table, NULL, 0, why, sizeof why) < 0)
		return command_usage("check", "%s", why);
	if (options)
		return print_options();
	struct config *config = gateway_load_config(file);
	if (!config)
		return EXIT_FAILURE;
	if (print) {
		struct buffer text;
		buffer_init(&text, TEXT_MAX);
		config_print(config, &text);
		fputs(buffer_text(&text), stdout);
		buffer_free(&text);
	} else {
		printf("%s: good: station %s, %zu sensors, %zu outputs, %zu rules, %zu channels\n",
			file, config->station.id, config->sensors.count,
			config->outputs.count, config->alerts.rules.count,
			config->alerts.channels.count);
		print_wear(config);
	}
	config_free(config);
	return EXIT_SUCCESS;
}

/* --- status -------------------------------------------------------------- */

static int ask(const char *file, const char *request, struct buffer *answer)
{
	char path[PATH_MAX], why[PATH_MAX + 128];
	struct config *config = gateway_load_config(file);

	if (!config)
		return -1;
	control_path(config, path, sizeof path);
	config_free(config);
	if (control_ask(path, request, answer, why, sizeof why) < 0) {
		log_error("%s", why);
		return -1;
	}
	return 0;
}

int command_status(int argc, char **argv)
{
	const char *file = default_config;
	bool json = false;
	const struct argument table[] = {
		{ .name = "-c", .value = &file },
		{ .name = "--json", .flag = &json },
		{ .name = NULL },
	};
	struct buffer answer, text;
	char why[256];
	int status = EXIT_FAILURE;

	if (arguments_take(argc, argv, table, NULL, 0, why, sizeof why) < 0)
		return command_usage("status", "%s", why);
	buffer_init(&answer, TEXT_MAX);
	buffer_init(&text, TEXT_MAX);
	if (ask(file, "status", &answer) == 0) {
		if (json) {
			puts(buffer_text(&answer));
			status = EXIT_SUCCESS;
		} else if (status_text(buffer_text(&answer), &text)) {
			fputs(buffer_text(&text), stdout);
			status = EXIT_SUCCESS;
		} else {
			log_error("the gateway's answer is not understood: %.200s",
				buffer_text(&answer));
		}
	}
	buffer_free(&text);
	buffer_free(&answer);
	return status;
}
