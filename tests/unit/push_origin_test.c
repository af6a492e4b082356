/* Who is sent to, and who is left alone for a while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "alerts/push_origin.h"
#include "core/log.h"

enum { WINDOW = 40 };

static struct push_origins *origins;
static struct push_origin *one;
static int logged;

static void count_log(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
	logged++;
}

static int set_up(void **unused)
{
	(void)unused;
	log_set_sink(count_log);
	logged = 0;
	origins = push_origins_new();
	one = push_origins_get(origins, "https://one.example");
	return origins && one ? 0 : -1;
}

static int tear_down(void **unused)
{
	(void)unused;
	push_origins_free(origins);
	log_set_sink(NULL);
	return 0;
}

static enum push_admission admit(int64_t now_ms)
{
	return push_origin_admit(origins, one, WINDOW, now_ms);
}

static void test_slowly_at_first(void **unused)
{
	(void)unused;
	one->answered_ms = 10000; /* the first try */
	while (one->in_flight < 8) {
		assert_int_equal(admit(10000), PUSH_GO);
		one->in_flight++;
	}
	/* For a moment it is waited for, then the others go first. */
	assert_int_equal(admit(10400), PUSH_WAIT);
	assert_int_equal(admit(10500), PUSH_DEFER);
	push_origin_accepted(one, 11000);
	while (one->in_flight < WINDOW * 3 / 4) {
		assert_int_equal(admit(11000), PUSH_GO);
		one->in_flight++;
	}
	assert_int_equal(admit(11499), PUSH_WAIT);
	assert_int_equal(admit(11500), PUSH_DEFER);
	push_origin_answered(one, 12000);
	assert_int_equal(admit(12000), PUSH_WAIT);
}

static void test_failure_and_return(void **unused)
{
	(void)unused;
	push_origin_accepted(one, 10000);
	one->in_flight = 3;
	push_origin_failed(one, false, "no route", 20000);
	push_origin_failed(one, false, "no route", 20001);
	assert_int_equal(logged, 1);
	assert_int_equal(one->backoffs, 1);
	assert_true(one->is_postponed);
	assert_true(one->until_ms > 20000 && one->until_ms <= 21000);
	assert_int_equal(admit(20010), PUSH_DEFER);
	/* A single one finds out whether it is back. */
	one->in_flight = 0;
	assert_int_equal(admit(21000), PUSH_GO);
	one->in_flight = 1;
	assert_int_equal(admit(21000), PUSH_DEFER);
	push_origin_failed(one, false, "no route", 22000);
	assert_int_equal(one->backoffs, 2);
	assert_int_equal(logged, 1);
	push_origin_accepted(one, 30000);
	assert_int_equal(one->backoffs, 0);
	assert_int_equal(admit(30000), PUSH_GO);
	assert_int_equal(logged, 2);
}

static void test_trouble_must_go_on(void **unused)
{
	(void)unused;
	push_origin_accepted(one, 10000);
	for (int i = 0; i < 7; i++)
		push_origin_troubled(one, 5000, 10000);
	assert_int_equal(one->backoffs, 0);
	push_origin_accepted(one, 10000);
	for (int i = 0; i < 8; i++)
		push_origin_troubled(one, 5000, 10000);
	assert_int_equal(one->backoffs, 1);
	assert_true(one->until_ms >= 15000);
}

static void test_refused_key(void **unused)
{
	(void)unused;
	push_origin_failed(one, true, "HTTP 403 wrong key", 10000);
	assert_true(one->is_held);
	assert_non_null(strstr(one->reason, "https://one.example: HTTP 403"));
	assert_true(one->until_ms >= 25000);
	assert_int_equal(logged, 1);
	push_origin_failed(one, true, "HTTP 403 wrong key", 80000);
	assert_int_equal(logged, 1);
	push_origin_accepted(one, 90000);
	assert_false(one->is_held);
}

/* Hosts that anybody may have made up take no more than half. */
static void test_made_up_hosts(void **unused)
{
	char name[64];

	(void)unused;
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof name, "https://x%d.notify.windows.com", i);
		push_origins_get(origins, name)->in_flight = 2;
	}
	assert_int_equal(admit(10000), PUSH_DEFER);
	push_origin_accepted(one, 10000);
	assert_int_equal(admit(10000), PUSH_GO);
}

static void test_many(void **unused)
{
	char name[64];

	(void)unused;
	one->in_flight = 1;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "https://x%d.example", i);
		struct push_origin *origin = push_origins_get(origins, name);
		assert_non_null(origin);
		assert_string_equal(origin->name, name);
		origin->answered_ms = i;
	}
	assert_ptr_equal(push_origins_get(origins, "https://one.example"), one);
	assert_int_equal(one->in_flight, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_slowly_at_first),
		TEST(test_failure_and_return),
		TEST(test_trouble_must_go_on),
		TEST(test_refused_key),
		TEST(test_made_up_hosts),
		TEST(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
