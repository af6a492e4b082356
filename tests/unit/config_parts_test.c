#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "config/arena.h"
#include "config/errors.h"
#include "config/lexer.h"
#include "config/quantity.h"
#include "config/scan.h"
#include "config/text.h"
#include "config/suggest.h"
#include "config/url.h"
#include "config/value.h"

static void test_arena(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	char *large = arena_alloc(arena, 100000), *none = arena_alloc(arena, 0);

	for (size_t i = 0; i < 100000; i++)
		assert_int_equal(large[i], 0);
	assert_non_null(none);
	assert_ptr_not_equal(none, arena_alloc(arena, 0));
	for (size_t i = 1; i < 40; i++)
		assert_int_equal(
			(uintptr_t)arena_alloc(arena, i) % _Alignof(max_align_t), 0);
	assert_string_equal(arena_copy(arena, "abc", 2), "ab");
	assert_string_equal(arena_string(arena, ""), "");
	assert_null(arena_array(arena, SIZE_MAX / 2, 3));
	assert_null(arena_alloc(arena, SIZE_MAX));
	arena_free(arena);
	arena_free(NULL);
}

static void expect_duration(const char *text, int64_t expected)
{
	int64_t ms = -1;

	assert_true(quantity_parse_duration(text, &ms));
	assert_int_equal(ms, expected);
}

static void test_durations(void **state)
{
	(void)state;
	static const char *const wrong[] = { "", "10", "s", "10 s", " 10s", "10s ", "-1s",
		"+1s", "1.5s", "1s1m", "1s1s", "1m30", "1w", "1S", "10sec", "0x1s", "0d0",
		"9223372036854775808ms", "99999999999999d", "9223372036854775807ms1ms" };
	int64_t ms;
	char text[QUANTITY_TEXT_SIZE];

	expect_duration("0", 0);
	expect_duration("0s", 0);
	expect_duration("500ms", 500);
	expect_duration("10s", 10000);
	expect_duration("15m", 900000);
	expect_duration("6h", 21600000);
	expect_duration("60d", INT64_C(5184000000));
	expect_duration("1m30s", 90000);
	expect_duration("1d2h3m4s5ms", 93784005);
	expect_duration("9223372036854775807ms", INT64_MAX);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(quantity_parse_duration(wrong[i], &ms));
	assert_string_equal(quantity_format_duration(text, 0), "0s");
	assert_string_equal(quantity_format_duration(text, 1), "1ms");
	assert_string_equal(quantity_format_duration(text, 1500), "1500ms");
	assert_string_equal(quantity_format_duration(text, 90000), "90s");
	assert_string_equal(quantity_format_duration(text, 3600000), "1h");
	assert_string_equal(quantity_format_duration(text, INT64_C(5184000000)), "60d");
	assert_string_equal(
		quantity_format_duration(text, INT64_MAX), "9223372036854775807ms");
}

static void expect_size(const char *text, int64_t expected)
{
	int64_t bytes = -1;

	assert_true(quantity_parse_size(text, &bytes));
	assert_int_equal(bytes, expected);
}

static void test_sizes(void **state)
{
	(void)state;
	static const char *const wrong[] = { "", "5", "KiB", "1 KiB", "1kb", "1K",
		"1KiB2B", "-1B", "1.5GiB", "9223372036854775808B", "8388608TiB",
		"1GiBs" };
	int64_t bytes;
	char text[QUANTITY_TEXT_SIZE];

	expect_size("0", 0);
	expect_size("512B", 512);
	expect_size("64KiB", 65536);
	expect_size("100MB", 100000000);
	expect_size("2GiB", INT64_C(2) << 30);
	expect_size("1TB", INT64_C(1000000000000));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(quantity_parse_size(wrong[i], &bytes));
	assert_string_equal(quantity_format_size(text, 0), "0B");
	assert_string_equal(quantity_format_size(text, 1023), "1023B");
	assert_string_equal(quantity_format_size(text, 65536), "64KiB");
	assert_string_equal(quantity_format_size(text, 100000000), "100MB");
	assert_string_equal(quantity_format_size(text, INT64_C(4) << 30), "4GiB");
	assert_string_equal(quantity_format_size(text, INT64_C(1) << 40), "1TiB");
}

/* Whatever is printed is read as the same. */
static void test_quantities_round_trip(void **state)
{
	(void)state;
	char text[QUANTITY_TEXT_SIZE];
	int64_t value;

	for (int64_t n = 1; n < INT64_MAX / 11; n = n * 11 / 10 + 1) {
		assert_true(quantity_parse_size(quantity_format_size(text, n), &value));
		assert_int_equal(value, n);
		assert_true(quantity_parse_duration(
			quantity_format_duration(text, n), &value));
		assert_int_equal(value, n);
	}
}

static void test_suggestions(void **state)
{
	(void)state;
	struct suggestion suggestion;
	char text[96];

	assert_int_equal(suggest_distance("port", "port"), 0);
	assert_int_equal(suggest_distance("prot", "port"), 1);
	assert_int_equal(suggest_distance("pm2.5", "pm25"), 1);
	assert_int_equal(suggest_distance("Unit-ID", "unit_id"), 0);
	assert_int_equal(suggest_distance("", "abc"), 3);
	assert_int_equal(suggest_distance("kitten", "sitting"), 3);
	suggest_init(&suggestion, "baudrate");
	suggest_try(&suggestion, "baud");
	assert_string_equal(suggest_text(&suggestion, text, sizeof text), "");
	suggest_init(&suggestion, "lattitud");
	suggest_try(&suggestion, NULL);
	suggest_try(&suggestion, "altitude");
	suggest_try(&suggestion, "latitude");
	assert_string_equal(suggest_text(&suggestion, text, sizeof text),
		" (did you mean \"latitude\"?)");
	/* Nothing is left of "no" when it is made "x2". */
	suggest_init(&suggestion, "no");
	suggest_try(&suggestion, "co");
	assert_null(suggestion.best);
	char endless[200];
	memset(endless, 'a', sizeof endless - 1);
	endless[sizeof endless - 1] = '\0';
	suggest_init(&suggestion, endless);
	suggest_try(&suggestion, endless);
	assert_null(suggestion.best);
}

static void test_addresses(void **state)
{
	(void)state;
	static const char *const web[] = { "http", "https", NULL };
	static const char *const good[] = { "http://h", "https://h:1/x@y", "http://[::1]",
		"http://[::1]:65535/", "http://h?a=b", "http://h/?x=a:b@c" };
	static const char *const bad[] = { "", "http", "http:", "http:/h", "http://",
		"HTTP://h", "ftp://h", "http://:80", "http://h:", "http://h:0",
		"http://h:65536", "http://h:8a", "http://[]", "http://[::1",
		"http://[::1]x", "http://u@h", "http://u:p@h:1/", "http://h /",
		"http://h\n", "://h" };
	char why[VALUE_WHY_SIZE];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(url_check(good[i], web, why));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(url_check(bad[i], web, why));
	assert_true(url_check("x-y.z+1://h", NULL, why));
	assert_false(url_check("https://me:geheim@host/", web, why));
	assert_null(strstr(why, "geheim"));
	assert_non_null(strstr(why, "password_file"));
}

static void test_addresses_of_this_machine(void **state)
{
	static const char *const here[] = { "http://127.0.0.1", "http://127.0.0.1:80/x",
		"https://127.9.9.9?a", "smtp://localhost:25", "http://[::1]:8080/",
		"http://localhost" };
	static const char *const elsewhere[] = { "http://127.evil.example/",
		"http://[::]/", "http://localhost.example", "http://10.0.0.1",
		"http://[::2]/", "http://0.0.0.0", "127.0.0.1",
		"http://127.0.0.1.example:80", "http://[fe80::1]/" };

	(void)state;
	for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
		if (!url_is_loopback(here[i]))
			fail_msg("%s", here[i]);
	}
	for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
		if (url_is_loopback(elsewhere[i]))
			fail_msg("%s", elsewhere[i]);
	}
}

static void test_addresses_to_listen_at(void **state)
{
	(void)state;
	static const char *const good[] = { "127.0.0.1:8080", "0.0.0.0:80", "[::]:8080",
		"[::1]:65535", "localhost:0", "127.0.0.1:0" };
	static const char *const bad[] = { "", "8080", ":8080", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "127.0.0.1:-1",
		"::1:8080", "[::1]", "[]:80", "[::1:80", "gateway.example:80",
		"http://127.0.0.1:80", "1.2.3:80", "[127.0.0.1]:80" };
	char why[VALUE_WHY_SIZE];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(url_check_listen(good[i], why));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(url_check_listen(bad[i], why));
}

/* --- source and scan --------------------------------------------------- */

static struct arena *arena;
static struct text source;
static struct config_errors errors;
static struct buffer text = { .limit = 1 << 16 };

/* What libconfig would be given, and the errors behind it. */
static const char *scan(const char *bytes)
{
	struct scan_fault fault;

	arena_free(arena);
	text_free(&source);
	errors_free(&errors);
	arena = arena_new();
	text_init(&source, arena, arena);
	errors_init(&errors, arena, &source);
	buffer_clear(&text);
	text_read_text(&source, "f", bytes, strlen(bytes), &errors);
	scan_check(&source, &errors, &fault);
	scan_write(&source, &text);
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] == '\n')
			text.data[i] = ' ';
	errors_write(&errors, &text);
	if (*fault.text)
		buffer_printf(&text, "%s", fault.text);
	return buffer_text(&text);
}

static void test_tokens(void **state)
{
	(void)state;
	assert_string_equal(
		scan("a=1;#x\n b /**/ : [ 1 , 2.5 ]//\n"), "a = 1 ; b = ( 1 , 2.5 ) ");
	assert_string_equal(
		scan("a = \"x\\\"}#\" /* \" */ \"y\";"), "a = \"x\\\"}#\" \"y\" ; ");
	assert_string_equal(scan("a = 0xFFFFFFFFFF; b = -2147483649; c = 7L; d = 0x10;"),
		"a = 1099511627775L ; b = -2147483649L ; c = 7 ; d = 16 ; ");
	assert_string_equal(scan("a = ( 1, 2, );"), "a = ( 1 , 2  ) ; ");
	assert_string_equal(scan(""), "");
	assert_int_equal(source.count, 0);
	scan("a\n=\n\n1 /*\n\n*/ ; \"x\"");
	assert_int_equal(source.tokens[0].line, 1);
	assert_int_equal(source.tokens[2].line, 4);
	assert_int_equal(source.tokens[3].line, 6);
}

static void test_repairs(void **state)
{
	(void)state;
	assert_string_equal(scan("a = 1;\na = 2;"),
		"a = 1 ; *1 = 2 ; f:2: a: repeated key, first at f:1\n");
	assert_string_equal(scan("a = { b = 1; }; c = { b = 1; };"),
		"a = { b = 1 ; } ; c = { b = 1 ; } ; ");
	assert_string_equal(scan("a = word; b = true;"),
		"a = \"word\" ; b = true ; f:1: a: text must stand in quotes\n");
	assert_string_equal(scan("a = /dev/x;\nb=\nc=1"),
		"a = 0 ; b = 0 c = 1 f:1: a: text must stand in quotes\n"
		"f:2: b: the value is missing\n");
	assert_string_equal(scan("a = http://h:1/x; b = 1//c"),
		"a = 0 ; b = 1 f:1: a: text must stand in quotes\n");
	assert_string_equal(scan("a 5"),
		"a = 5 f:1: syntax error: a '=' is missing behind the key\n");
	assert_string_equal(scan("a = ( { }\n{ } );"),
		"a = ( { } , { } ) ; f:2: syntax error: a ',' is missing in front of this\n");
	assert_string_equal(scan("a = \"x;\nb = 1;"),
		"a = \"\" ; b = 1 ; f:1: a: the closing quote is missing on this line\n");
	assert_string_equal(
		scan("a = ( 1 ]"), "a = ( 1 ] ']' cannot close the '(' of line 1");
	assert_string_equal(scan("a = {"), "a = { '{' is never closed");
	assert_string_equal(scan("}"), "} nothing is open that '}' could close");
	assert_string_equal(scan("a = 99999999999999999999"),
		"a = 0 f:1: a: the number is too large\n");
}

static void test_nesting_and_counts_are_bounded(void **state)
{
	(void)state;
	char deep[200];
	struct buffer many = { .limit = 1 << 16 };

	memset(deep, '(', sizeof deep - 1);
	deep[sizeof deep - 1] = '\0';
	assert_non_null(strstr(scan(deep), "brackets are nested too deeply"));
	for (int i = 0; i < SCAN_KEYS_MAX + 1; i++)
		buffer_printf(&many, "k%d = 1;\n", i);
	assert_non_null(strstr(
		scan(buffer_text(&many)), "f:1001: k1000: too many keys in one group\n"));
	assert_int_equal(errors_count(&errors), 1);
	buffer_free(&many);
}

static int free_all(void **state)
{
	(void)state;
	arena_free(arena);
	text_free(&source);
	errors_free(&errors);
	buffer_free(&text);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_quantities_round_trip),
		cmocka_unit_test(test_suggestions),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_addresses_to_listen_at),
		cmocka_unit_test(test_addresses_of_this_machine),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_repairs),
		cmocka_unit_test(test_nesting_and_counts_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, free_all);
}
