/* Reading a command's arguments: options anywhere, each told by name. */
#ifndef MUABUI_GATEWAY_ARGUMENTS_H
#define MUABUI_GATEWAY_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

/* An option of a command: a flag, or one with a value. */
struct argument {
	const char *name;   /* "--json", "-c"; NULL ends a table */
	bool *flag;         /* set where the option takes no value */
	const char **value; /* set to what follows */
};

/*
 * Takes the options of TABLE out of ARGV; what is left (at most MAX) goes to REST and its
 * number is returned. -1 with the reason in WHY: unknown option, value missing, too many.
 */
int arguments_take(int argc, char **argv, const struct argument *table, const char **rest,
	int max, char *why, size_t size);

#endif
