/* Subscriptions as the public sends them, endpoints above all. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/push_endpoint.h"
#include "web/wishes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Whatever is taken is of the known hosts, and fits where it goes. */
static void check_endpoint(const char *text)
{
	static const struct option_strings known;
	char origin[SUBSCRIPTION_ORIGIN_SIZE];

	if (push_endpoint_check(&known, text, origin) == PUSH_REACH_NONE)
		return;
	if (strncmp(origin, "https://", 8) != 0 || strchr(origin + 8, '/') ||
		strchr(origin, '@') || strchr(origin + 8, ':'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct option_strings known;
	struct subscription one = { .quiet_from = -1, .quiet_to = -1 };
	char why[WISHES_WHY_SIZE], *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, bytes, size);
	text[size] = '\0';
	check_endpoint(text);
	if (wishes_read_new(text, size, &known, &one, why) &&
		(strlen(one.areas) >= sizeof one.areas || one.quiet_from >= 24 * 60))
		abort();
	wishes_read(text, size, &one, why);
	free(text);
	return 0;
}
