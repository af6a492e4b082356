/* The commands that know devices and need no gateway: decode, simulate. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/log.h"
#include "gateway/arguments.h"
#include "gateway/command.h"
#include "gateway/schema.h"
#include "sensors/decode.h"
#include "sensors/simulate.h"

enum {
	INPUT_MAX = 64 << 20,
	OUTPUT_MAX = 256 << 20,
};

/* --- decode -------------------------------------------------------------- */

static int read_input(const char *file, struct buffer *input)
{
	FILE *in = file && strcmp(file, "-") != 0 ? fopen(file, "rb") : stdin;
	char piece[16 * 1024];
	size_t got;

	if (!in) {
		log_error("%s: %s", file, strerror(errno));
		return -1;
	}
	while ((got = fread(piece, 1, sizeof piece, in)) > 0)
		buffer_append(input, piece, got);
	int failed = ferror(in) || input->failed;
	if (failed)
		log_error("%s: %s", file ? file : "standard input",
			input->failed ? "larger than 64 MiB" : strerror(errno));
	if (in != stdin)
		fclose(in);
	return failed ? -1 : 0;
}

/* The options of the sensor NAME, which must be of DRIVER. */
static const struct option_item *find_sensor(
	const struct config *config, const char *name, const struct sensor_driver *driver)
{
	const struct option_item *items = config->sensors.items;

	for (size_t i = 0; i < config->sensors.count; i++)
		if (strcmp(items[i].name, name) == 0 && items[i].kind == &driver->kind)
			return &items[i];
	log_error("the configuration has no sensor \"%s\" with driver %s", name,
		driver->kind.name);
	return NULL;
}

/* What decode is told besides the driver and the file. */
struct decode_settings {
	const struct sensor_driver *driver;
	const void *options; /* of a configured sensor, or NULL */
	const char *format;  /* of messages, or NULL */
	const char *topic;   /* of messages that name none */
};

static int decode_to(const struct decode_settings *settings, const struct buffer *input,
	struct buffer *output, char *why, size_t size)
{
	const uint8_t *bytes = (const uint8_t *)buffer_text(input);
	const struct payload_options *options = settings->options;
	struct payload_options by_format;

	if (settings->driver->bus != SENSOR_BUS_MQTT &&
		settings->driver->bus != SENSOR_BUS_HTTP)
		return decode_run(settings->driver, options, bytes, input->length, output,
			why, size);
	if (settings->format) {
		by_format = format_defaults(format_find(settings->format));
		options = &by_format;
	}
	return decode_messages(options, settings->topic ? settings->topic : "", bytes,
		input->length, output, why, size);
}

static int decode(const struct decode_settings *settings, const struct buffer *input)
{
	struct buffer output;
	char why[256];

	buffer_init(&output, OUTPUT_MAX);
	int result = decode_to(settings, input, &output, why, sizeof why);
	fputs(buffer_text(&output), stdout);
	if (result < 0)
		log_error("%s", why);
	buffer_free(&output);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int list_formats(const char *name)
{
	log_error("there is no format \"%s\"; there are:", name);
	for (size_t i = 0; formats[i]; i++)
		fprintf(stderr, "  %-12s %s\n", formats[i]->name, formats[i]->summary);
	return EXIT_USAGE;
}

static int list_drivers(const char *name)
{
	log_error("there is no driver \"%s\"; there are:", name);
	for (size_t i = 0; sensor_drivers[i]; i++)
		fprintf(stderr, "  %-10s %s\n", sensor_drivers[i]->kind.name,
			sensor_drivers[i]->kind.summary);
	return EXIT_USAGE;
}

/* 0, or the exit status of what is wrong. */
static int check_decode(const struct decode_settings *settings, const char *sensor)
{
	enum sensor_bus bus = settings->driver->bus;

	if ((settings->format || settings->topic) && bus != SENSOR_BUS_MQTT &&
		bus != SENSOR_BUS_HTTP)
		return command_usage("decode", "%s has no formats and topics",
			settings->driver->kind.name);
	if (settings->format && sensor)
		return command_usage("decode", "either --format or --sensor");
	if (settings->format && format_find(settings->format) < 0)
		return list_formats(settings->format);
	return 0;
}

int command_decode(int argc, char **argv)
{
	const char *file = NULL, *name = NULL, *rest[2] = { NULL, NULL };
	struct decode_settings settings = { .format = NULL };
	const struct argument table[] = {
		{ .name = "-c", .value = &file },
		{ .name = "--sensor", .value = &name },
		{ .name = "--format", .value = &settings.format },
		{ .name = "--topic", .value = &settings.topic },
		{ .name = NULL },
	};
	struct config *config = NULL;
	const struct option_item *item = NULL;
	struct buffer input;
	char why[256];
	int status;

	int count = arguments_take(argc, argv, table, rest, 2, why, sizeof why);
	if (count < 0)
		return command_usage("decode", "%s", why);
	if (count == 0)
		return command_usage("decode", "which driver?");
	settings.driver = sensor_driver_find(rest[0]);
	if (!settings.driver)
		return list_drivers(rest[0]);
	if ((status = check_decode(&settings, name)) != 0)
		return status;
	if (name && !(config = gateway_load_config(file ? file : default_config)))
		return EXIT_FAILURE;
	if (config && !(item = find_sensor(config, name, settings.driver))) {
		config_free(config);
		return EXIT_FAILURE;
	}
	settings.options = item ? item->options : NULL;
	status = EXIT_FAILURE;
	buffer_init(&input, INPUT_MAX);
	if (read_input(rest[1], &input) == 0)
		status = decode(&settings, &input);
	buffer_free(&input);
	config_free(config);
	return status;
}

/* --- simulate ------------------------------------------------------------ */

static void list_devices(void)
{
	fputs("devices:\n", stderr);
	for (size_t i = 0; sensor_drivers[i]; i++) {
		const struct simulation *simulation = sensor_drivers[i]->simulation;

		if (simulation)
			fprintf(stderr, "  %-12s %s\n", sensor_drivers[i]->kind.name,
				simulation->summary);
	}
	fputs("options:\n", stderr);
	fputs(simulate_usage, stderr);
}

static void say_ready(const char *port)
{
	printf("%s\n", port);
	fflush(stdout);
}

int command_simulate(int argc, char **argv)
{
	struct simulate_settings settings;
	char why[256];

	if (!simulate_parse(argc - 1, argv + 1, &settings, why, sizeof why)) {
		command_usage("simulate", "%s", why);
		list_devices();
		return EXIT_USAGE;
	}
	if (simulate_run(&settings, say_ready, why, sizeof why) == 0)
		return EXIT_SUCCESS;
	log_error("%s", why);
	return EXIT_FAILURE;
}
