/* muabui webpush keys: the key pair that browsers subscribe with. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/vapid.h"
#include "alerts/webpush.h"
#include "core/log.h"
#include "gateway/arguments.h"
#include "gateway/command.h"

int command_webpush(int argc, char **argv)
{
	const struct argument table[] = { { .name = NULL } };
	char public[VAPID_PUBLIC_SIZE], why[512];
	const char *rest[2];

	int count = arguments_take(argc, argv, table, rest, 2, why, sizeof why);
	if (count < 0)
		return command_usage("webpush", "%s", why);
	if (count < 1 || strcmp(rest[0], "keys") != 0)
		return command_usage("webpush", "what to do?");
	const char *file = count > 1 ? rest[1] : webpush_default_key;
	if (!vapid_generate(file, public, why, sizeof why)) {
		log_error("%s", why);
		return EXIT_FAILURE;
	}
	printf("%s\n", public);
	fprintf(stderr,
		"muabui: the private key is in %s; keep a copy where it is safe: a new one "
		"ends every subscription\n",
		file);
	return EXIT_SUCCESS;
}
