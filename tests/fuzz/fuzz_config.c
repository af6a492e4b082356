/*
 * Any text as a configuration: it must be refused with errors, or printed and
 * loaded to the same again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/config_schema.h"

#include "config/config.h"
#include "core/buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/*
 * Metrics that are declared anew stay for those who still hold the old ones; libconfig
 * 1.5 loses the text before a syntax error.
 */
const char *__lsan_default_suppressions(void)
{
	return "leak:metric_declare\nleak:copy_metric\nleak:libconfig_yylex\n"
	       "leak:strbuf_append\n";
}

static void round_trip(const struct config *config)
{
	struct buffer first = { .limit = 1 << 24 }, second = { .limit = 1 << 24 };
	struct buffer errors = { .limit = 1 << 20 };
	struct config *again;

	config_print(config, &first);
	again = config_load_text("printed", buffer_text(&first), &test_schema, &errors);
	if (!again)
		abort();
	config_print(again, &second);
	if (strcmp(buffer_text(&first), buffer_text(&second)) != 0)
		abort();
	config_free(again);
	buffer_free(&first);
	buffer_free(&second);
	buffer_free(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer errors = { .limit = 1 << 20 };
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	struct config *config =
		config_load_text("fuzz/fuzz.conf", text, &test_schema, &errors);
	if (!config && errors.length == 0)
		abort();
	if (config && errors.length > 0)
		abort();
	if (config)
		round_trip(config);
	config_free(config);
	buffer_free(&errors);
	free(text);
	return 0;
}
