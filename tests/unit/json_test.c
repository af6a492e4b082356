/* JSON as we write it: the very bytes, and what a reader makes of them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "core/json.h"
#include "core/utf8.h"
#include "tests/unit/chance.h"

static struct buffer out;
static struct json json;

static int begin(void **state)
{
	(void)state;
	buffer_init(&out, 1 << 16);
	json_start(&json, &out);
	return 0;
}

static int end(void **state)
{
	(void)state;
	buffer_free(&out);
	return 0;
}

static void expect(const char *wanted)
{
	assert_false(out.failed);
	assert_string_equal(buffer_text(&out), wanted);
}

static void puts_commas_where_they_belong(void **state)
{
	(void)state;
	json_object(&json, NULL);
	json_object(&json, "empty");
	json_end_object(&json);
	json_array(&json, "list");
	json_integer(&json, NULL, 1);
	json_array(&json, NULL);
	json_end_array(&json);
	json_object(&json, NULL);
	json_bool(&json, "a", true);
	json_bool(&json, "b", false);
	json_end_object(&json);
	json_null(&json, NULL);
	json_end_array(&json);
	json_raw(&json, "raw", "[1,2]");
	json_string(&json, "none", NULL);
	json_string(&json, "text", "x");
	json_end_object(&json);
	expect("{\"empty\":{},\"list\":[1,[],{\"a\":true,\"b\":false},null],"
	       "\"raw\":[1,2],\"none\":null,\"text\":\"x\"}");
}

static void writes_numbers_as_they_are(void **state)
{
	(void)state;
	json_array(&json, NULL);
	json_number(&json, NULL, 35.2);
	json_number(&json, NULL, -0.05);
	json_number(&json, NULL, 3);
	json_number(&json, NULL, 1e300);
	json_number(&json, NULL, 0.1 + 0.2);
	json_number(&json, NULL, NAN);
	json_number(&json, NULL, INFINITY);
	json_number(&json, NULL, -INFINITY);
	json_integer(&json, NULL, INT64_MAX);
	json_integer(&json, NULL, INT64_MIN);
	json_end_array(&json);
	expect("[35.2,-0.05,3,1e+300,0.30000000000000004,null,null,null,"
	       "9223372036854775807,-9223372036854775808]");
}

static void writes_times(void **state)
{
	(void)state;
	json_object(&json, NULL);
	json_time(&json, "at", 1795314600000, 420);
	json_time(&json, "utc", 1795314600500, 0);
	json_end_object(&json);
	expect("{\"at\":\"2026-11-22T09:30:00+07:00\","
	       "\"utc\":\"2026-11-22T02:30:00.500+00:00\"}");
}

static void escapes_what_must_be(void **state)
{
	(void)state;
	json_object(&json, NULL);
	json_string(&json, "a\"\\/\n", "\x01\t\r\x1f\x7f\"\\");
	json_string(&json, "Mưa", "bụi 😀");
	json_end_object(&json);
	expect("{\"a\\\"\\\\/\\u000a\":\"\\u0001\\u0009\\u000d\\u001f\\u007f\\\"\\\\\","
	       "\"Mưa\":\"bụi 😀\"}");
}

static void replaces_what_is_no_utf8(void **state)
{
	(void)state;
	json_array(&json, NULL);
	json_string(&json, NULL,
		"a\xff"
		"b\xc2");
	json_string(&json, NULL, "\xed\xa0\x80");
	json_string(&json, NULL, "\xc0\xaf");
	json_end_array(&json);
	expect("[\"a\\ufffdb\\ufffd\",\"\\ufffd\\ufffd\\ufffd\",\"\\ufffd\\ufffd\"]");
}

static void any_text_is_read_back(void **state)
{
	(void)state;
	struct chance chance = chance_begin();
	int unchanged = 0;

	for (int i = 0; i < 20000; i++) {
		char text[32];
		size_t length = chance_below(&chance, sizeof text);

		for (size_t k = 0; k < length; k++)
			text[k] = (char)(1 + chance_below(&chance, i % 2 ? 127 : 255));
		text[length] = '\0';
		buffer_clear(&out);
		json_start(&json, &out);
		json_object(&json, NULL);
		json_string(&json, text, text);
		json_end_object(&json);
		assert_true(utf8_is_valid(out.data, out.length));
		cJSON *root = cJSON_ParseWithOpts(out.data, NULL, true);
		assert_non_null(root);
		assert_string_equal(root->child->string, root->child->valuestring);
		if (utf8_is_valid(text, length)) {
			assert_string_equal(root->child->valuestring, text);
			unchanged++;
		} else {
			assert_non_null(strstr(root->child->valuestring, "\ufffd"));
		}
		cJSON_Delete(root);
	}
	assert_in_range(unchanged, 9000, 19000);
}

static void a_full_buffer_is_marked(void **state)
{
	(void)state;
	struct buffer small;

	buffer_init(&small, 20);
	json_start(&json, &small);
	json_object(&json, NULL);
	for (int i = 0; i < 10; i++)
		json_string(&json, "key", "value");
	json_end_object(&json);
	assert_true(small.failed);
	assert_true(small.length <= 20);
	buffer_free(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			puts_commas_where_they_belong, begin, end),
		cmocka_unit_test_setup_teardown(writes_numbers_as_they_are, begin, end),
		cmocka_unit_test_setup_teardown(writes_times, begin, end),
		cmocka_unit_test_setup_teardown(escapes_what_must_be, begin, end),
		cmocka_unit_test_setup_teardown(replaces_what_is_no_utf8, begin, end),
		cmocka_unit_test_setup_teardown(any_text_is_read_back, begin, end),
		cmocka_unit_test_setup_teardown(a_full_buffer_is_marked, begin, end),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
