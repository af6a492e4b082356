/* Reading JSON from front to back: what cJSON takes, and no more than that. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_scan.h"
#include "tests/unit/chance.h"

/* Is TEXT, in memory that ends where it ends, one JSON value? */
static bool is_one_value(const char *text, size_t length)
{
	struct json_scan scan;
	char *exact = malloc(length + !length);

	memcpy(exact, text, length);
	json_scan_start(&scan, exact, length);
	json_scan_skip(&scan);
	json_scan_end(&scan);
	free(exact);
	return !scan.failed;
}

static void values_are_passed(void **state)
{
	static const char *const good[] = { "0", "-1.5e3", "\"\"", "\"a\\\"b\\u00e9\"",
		"null", "true", "false", "[]", "{}", " [ 1 , [ 2 ] , { \"a\" : [ ] } ] ",
		"{\"a\":{\"b\":{\"c\":[null,true,\"]}\"]}},\"d\":1}\n" };
	static const char *const bad[] = { "", " ", "[", "{", "]", "[1", "[1,", "[1,]",
		"[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "\"a", "\"a\\",
		"tru", "nul", "+1", ".5", "-", "1 2", "[1 2]", "{\"a\":1 \"b\":2}",
		"\"a\nb\"", "[}", "{]", "1e999" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!is_one_value(good[i], strlen(good[i])))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (is_one_value(bad[i], strlen(bad[i])))
			fail_msg("taken: %s", bad[i]);
}

static void nesting_has_an_end(void **state)
{
	char deep[200];

	(void)state;
	memset(deep, '[', 100);
	memset(deep + 100, ']', 100);
	assert_true(is_one_value(deep + 68, 64));
	assert_false(is_one_value(deep + 67, 66));
}

/* Whatever is damaged: what we take, cJSON takes too. */
static void takes_no_more_than_cjson(void **state)
{
	static const char text[] =
		"{\"a\":[1,-2.5,{\"b\":\"c\\u1ea7\"},null],\"d\":true,\"e\":{\"f\":[]}}";
	struct chance chance = chance_begin();
	char damaged[sizeof text];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		memcpy(damaged, text, sizeof text);
		for (int n = 0; n < 2; n++)
			damaged[chance_bits(&chance) % (sizeof text - 1)] =
				"{}[],:\"\\1eatn .-"[chance_bits(&chance) % 16];
		if (!is_one_value(damaged, sizeof text - 1))
			continue;
		/* An escape nobody decodes is passed unseen: copying it finds it. */
		if (strchr(damaged, '\\'))
			continue;
		cJSON *root = cJSON_Parse(damaged);
		if (!root)
			fail_msg("taken: %s", damaged);
		cJSON_Delete(root);
	}
}

static void strings_are_copied_without_escapes(void **state)
{
	static const struct {
		const char *json, *text; /* NULL: not well-formed */
	} cases[] = {
		{ "\"abc\"", "abc" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
		{ "\"C\\u1ea7u\"", "C\xe1\xba\xa7u" },
		{ "\"\\u00e9\\u0041\"",
			"\xc3\xa9"
			"A" },
		{ "\"\\ud83c\\udf27\"", "\xf0\x9f\x8c\xa7" }, { "\"\\ud83c\"", NULL },
		{ "\"\\ud83cx\"", NULL }, { "\"\\ud83c\\u0041\"", NULL },
		{ "\"\\udf27\"", NULL }, { "\"\\u0000\"", NULL }, { "\"\\u12\"", NULL },
		{ "\"\\u12g4\"", NULL }, { "\"\\x\"", NULL },
		{ "\"0123456789abcdef\"", NULL }, /* does not fit */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct json_scan scan;
		struct json_text text;
		char copy[16];

		json_scan_start(&scan, cases[i].json, strlen(cases[i].json));
		json_scan_string(&scan, &text);
		assert_false(scan.failed);
		bool fits = json_text_copy(&text, copy, sizeof copy);
		if (fits != (cases[i].text != NULL) ||
			(fits && strcmp(copy, cases[i].text) != 0))
			fail_msg("%s", cases[i].json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_passed),
		cmocka_unit_test(nesting_has_an_end),
		cmocka_unit_test(takes_no_more_than_cjson),
		cmocka_unit_test(strings_are_copied_without_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
