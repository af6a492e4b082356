/* SensorThings' paths and options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "web/sta_query.h"

static void test_paths(void **state)
{
	static const char *const bad[] = { "Things(", "Things()", "Things('')",
		"Things('a)", "Things(a')", "Things('a')x", "Things('a'b')", "('a')",
		"a//b", "/", "%00", "Things(%00)", "a/b/c/d/e/f/g/h/i" };
	struct sta_path path;

	(void)state;
	assert_true(sta_path_parse(&path, ""));
	assert_int_equal(path.count, 0);
	assert_true(
		sta_path_parse(&path, "Things('C%E1%BA%A7u%27%27s')/Datastreams/$ref"));
	assert_int_equal(path.count, 3);
	assert_string_equal(path.segments[0].name, "Things");
	assert_string_equal(path.segments[0].id, "Cầu's");
	assert_false(path.segments[1].has_id);
	assert_string_equal(path.segments[2].name, "$ref");
	assert_true(sta_path_parse(&path, "Things(1)/"));
	assert_int_equal(path.count, 1);
	assert_string_equal(path.segments[0].id, "1");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (sta_path_parse(&path, bad[i]))
			fail_msg("should be refused: %s", bad[i]);
}

static void test_options(void **state)
{
	struct sta_query query;
	char why[STA_WHY_SIZE];

	(void)state;
	assert_true(sta_query_init(&query));
	assert_int_equal(query.options.top, STA_TOP);
	assert_true(sta_query_selects(&query.options, "name"));
	assert_true(sta_query_take(&query, "$top", "7", why));
	assert_true(sta_query_take(&query, "$skip", "14", why));
	assert_true(sta_query_take(&query, "$count", "true", why));
	assert_true(sta_query_take(&query, "$orderby", "phenomenonTime  desc", why));
	assert_true(sta_query_take(&query, "$select", "name, id", why));
	assert_int_equal(query.options.top, 7);
	assert_int_equal(query.options.skip, 14);
	assert_true(query.options.count && query.options.descending);
	assert_string_equal(query.options.order, "phenomenonTime");
	assert_true(sta_query_selects(&query.options, "@iot.id"));
	assert_false(sta_query_selects(&query.options, "description"));
	assert_false(sta_query_take(&query, "$top", "1001", why));
	assert_false(sta_query_take(&query, "$top", "", why));
	assert_false(sta_query_take(&query, "$skip", "-1", why));
	assert_false(sta_query_take(&query, "$count", "yes", why));
	assert_false(sta_query_take(&query, "$orderby", "name up", why));
	assert_false(sta_query_take(&query, "$select", "a,,b", why));
	assert_false(sta_query_take(&query, "$apply", "x", why));
	sta_query_free(&query);
}

static void test_expansions(void **state)
{
	static const char *const bad[] = { "", "a,", "a(", "a)", "a($top)", "a($top=x)",
		"a($x=1)", "a/b/c/d", "a($expand=b($expand=c($expand=d)))",
		"a,b,c,d,e,f,g,h,i", "a/" };
	struct sta_query query;
	char why[STA_WHY_SIZE];

	(void)state;
	assert_true(sta_query_init(&query));
	assert_true(sta_query_take(&query, "$expand",
		"Datastreams($filter=name eq 'a;b(,)';$expand=Sensor,Observations($top=2)),"
		"Locations/Things",
		why));
	const struct sta_expand *streams =
		sta_query_expanded(&query, &query.options, "Datastreams");
	assert_non_null(streams);
	assert_true(streams->options.filter.root >= 0);
	assert_non_null(sta_query_expanded(&query, &streams->options, "Sensor"));
	const struct sta_expand *rows =
		sta_query_expanded(&query, &streams->options, "Observations");
	assert_int_equal(rows->options.top, 2);
	const struct sta_expand *places =
		sta_query_expanded(&query, &query.options, "Locations");
	assert_non_null(sta_query_expanded(&query, &places->options, "Things"));
	assert_null(sta_query_expanded(&query, &query.options, "Things"));
	sta_query_free(&query);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_true(sta_query_init(&query));
		if (sta_query_take(&query, "$expand", bad[i], why))
			fail_msg("should be refused: %s", bad[i]);
		assert_true(strlen(why) > 10);
		sta_query_free(&query);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_expansions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
