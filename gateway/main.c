#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "gateway/command.h"

const char default_config[] = "/etc/muabui/muabui.conf";

static int say_version(int argc, char **argv);
static int say_help(int argc, char **argv);

static const struct command commands[] = {
	{
		.name = "run",
		.arguments = "[-c FILE] [--live] [--speed N] [-v]",
		.summary = "run the gateway in the foreground",
		.run = command_run,
	},
	{
		.name = "check",
		.arguments = "[-c FILE] [--print] [--options]",
		.summary = "check the configuration; print it with all defaults",
		.run = command_check,
	},
	{
		.name = "watch",
		.arguments = "[-c FILE] [--once]",
		.summary = "the newest values, each second, and why a sensor is silent",
		.run = command_watch,
	},
	{
		.name = "status",
		.arguments = "[-c FILE] [--json]",
		.summary = "what the running gateway does, and what is wrong",
		.run = command_status,
	},
	{
		.name = "sensor",
		.arguments =
			"NAME [calibrating TIME | measuring] [--station ID] [-c FILE] [--json]",
		.summary = "show a sensor's calibration; say that it is being calibrated",
		.run = command_sensor,
	},
	{
		.name = "store",
		.arguments =
			"check | export [--from T --to T --format csv|line] [--station S]"
			" [--sensor N]\n            [--metric M] |"
			" export --format tt10 --into FOLDER [--output NAME] |\n            "
			"dead-letters list|show|retry|drop [OUTPUT] [ID] [--file F] [-c FILE]",
		.summary = "look into the store, take data out, deal with dead letters",
		.run = command_store,
	},
	{
		.name = "alert",
		.arguments =
			"list [--json] | ack EPISODE | ack RULE STATION | silences [--all] |"
			"\n            silence [--rule R] [--station S] [--area A] --for TIME"
			" --reason TEXT\n            [--author NAME] | unsilence ID |"
			" test CHANNEL |\n            log [--from T --to T] [--rule R]"
			" [--station S] [--channel C] [--refused]\n            [--csv | --json]"
			"  [-c FILE]",
		.summary =
			"alerts: see, silence, acknowledge; test a channel; who was told",
		.run = command_alert,
	},
	{
		.name = "webpush",
		.arguments = "keys [FILE]",
		.summary = "make the key pair that browsers subscribe with",
		.run = command_webpush,
	},
	{
		.name = "rain",
		.arguments = "[--day-starts HH:MM] [--completeness] [FILE]",
		.summary = "a gauge's counter or increments as running sums (CSV)",
		.run = command_rain,
	},
	{
		.name = "index",
		.arguments =
			"vn [--day [--min-hours N]] [--literal] | us [--table 2012|2024] | eu  [FILE]",
		.summary = "air quality indices of hourly means (CSV)",
		.run = command_index,
	},
	{
		.name = "backtest",
		.arguments = "-c FILE [READINGS.csv]",
		.summary = "what the rules would have told of recorded readings",
		.run = command_backtest,
	},
	{
		.name = "decode",
		.arguments =
			"DRIVER [FILE] [-c FILE --sensor NAME | --format F [--topic T]]",
		.summary = "decode captured bytes (hex text or binary) or messages",
		.run = command_decode,
	},
	{
		.name = "probe",
		.arguments = "[PORT …] [--baud N] [--parity P] [--timeout MS] [--all]",
		.summary = "find the devices on serial ports",
		.run = command_probe,
	},
	{
		.name = "simulate",
		.arguments = "DEVICE [OPTIONS]",
		.summary = "play a device on a pseudo terminal",
		.run = command_simulate,
	},
	{
		.name = "version",
		.arguments = "",
		.summary = "print the version",
		.run = say_version,
	},
	{
		.name = "help",
		.arguments = "",
		.summary = "print this list",
		.run = say_help,
	},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void print_commands(FILE *out)
{
	fputs("usage: muabui COMMAND [ARGUMENTS]\n\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-9s %s\n%*s%s%s", commands[i].name, commands[i].summary,
			*commands[i].arguments ? 12 : 0, "", commands[i].arguments,
			*commands[i].arguments ? "\n" : "");
	fprintf(out, "\nThe configuration is %s unless -c names another.\n",
		default_config);
}

int command_usage(const char *name, const char *format, ...)
{
	const struct command *command = find(name);
	va_list args;

	fprintf(stderr, "muabui %s: ", name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nusage: muabui %s %s\n", name,
		command ? command->arguments : "");
	return EXIT_USAGE;
}

static int say_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	print_commands(stdout);
	return 0;
}

static int say_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("muabui " MUABUI_VERSION);
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		name = "version";
	const struct command *command = find(name);
	if (!command) {
		if (*name)
			fprintf(stderr, "muabui: there is no command \"%s\"\n\n", name);
		print_commands(stderr);
		return EXIT_USAGE;
	}
	if (command->run != command_run)
		log_set_prefix("muabui: ");
	return command->run(argc - 1, argv + 1);
}
