#include "gateway/arguments.h"

#include <stdio.h>
#include <string.h>

static const struct argument *find(const struct argument *table, const char *word)
{
	for (; table->name; table++)
		if (strcmp(table->name, word) == 0)
			return table;
	return NULL;
}

int arguments_take(int argc, char **argv, const struct argument *table, const char **rest,
	int max, char *why, size_t size)
{
	int count = 0;

	for (int i = 1; i < argc; i++) {
		const struct argument *option = find(table, argv[i]);

		if (!option && argv[i][0] == '-' && argv[i][1] != '\0') {
			snprintf(why, size, "there is no option %s", argv[i]);
			return -1;
		}
		if (option && option->value && i + 1 == argc) {
			snprintf(why, size, "%s needs a value", argv[i]);
			return -1;
		}
		if (!option && count == max) {
			snprintf(why, size, "one argument too many: %s", argv[i]);
			return -1;
		}
		if (!option)
			rest[count++] = argv[i];
		else if (option->value)
			*option->value = argv[++i];
		else
			*option->flag = true;
	}
	return count;
}
