/*
 * The subcommands. Exit status: 0, 1 the answer is no, 2 wrong usage.
 */
#ifndef MUABUI_GATEWAY_COMMAND_H
#define MUABUI_GATEWAY_COMMAND_H

enum { EXIT_USAGE = 2 };

struct command {
	const char *name;
	const char *arguments; /* as in the usage line */
	const char *summary;
	/* ARGV[0] is the command's own name. The exit status. */
	int (*run)(int argc, char **argv);
};

extern const char default_config[];

/* Prints what is wrong and how NAME is used; returns EXIT_USAGE. */
int command_usage(const char *name, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Who answers for what is told the gateway: also behind sudo the one who typed it. */
const char *command_author(void);

int command_run(int argc, char **argv);
int command_check(int argc, char **argv);
int command_watch(int argc, char **argv);
int command_status(int argc, char **argv);
int command_decode(int argc, char **argv);
int command_rain(int argc, char **argv);
int command_index(int argc, char **argv);
int command_backtest(int argc, char **argv);
int command_probe(int argc, char **argv);
int command_simulate(int argc, char **argv);
int command_sensor(int argc, char **argv);
int command_store(int argc, char **argv);
int command_alert(int argc, char **argv);
int command_webpush(int argc, char **argv);
int command_alert_log(int argc, char **argv);

#endif
