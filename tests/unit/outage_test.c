#include "alerts/outage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alerts/channel.h"
#include "core/clock.h"
#include "core/log.h"
#include "store/outbox.h"
#include "tests/unit/temp_store.h"

/* --- the notifier as the watch sees it -------------------------------------- */

struct notifier {
	struct channel_status channels[3];
};

static struct notifier notifier;

size_t notifier_count(const struct notifier *of)
{
	(void)of;
	return 3;
}

void notifier_get_status(
	const struct notifier *of, size_t index, struct channel_status *status)
{
	*status = of->channels[index];
}

void notifier_set_down(struct notifier *of, size_t index, bool down)
{
	of->channels[index].down = down;
}

/* --- the world about it ------------------------------------------------------- */

enum { MINUTE_MS = 60 * 1000 };

static const int64_t start_ms = 1795300000000;
static struct temp temp;
static struct channel_common commons[3] = {
	{ .audience = AUDIENCE_CITIZENS },
	{ .audience = AUDIENCE_OPERATORS },
	{ .audience = AUDIENCE_OPERATORS, .language = 2 },
};
static struct option_item channels[3];
static struct config config;
static int errors_logged;

static void count_errors(enum log_level level, const char *line)
{
	(void)line;
	errors_logged += level == LOG_LEVEL_ERROR;
}

static int set_up(void **state)
{
	static const char *const names[] = { "push", "officers", "mail" };

	log_set_sink(count_errors);
	errors_logged = 0;
	clock_freeze(start_ms, 0);
	for (size_t i = 0; i < 3; i++) {
		channels[i] =
			(struct option_item){ .name = names[i], .common = &commons[i] };
		notifier.channels[i] = (struct channel_status){ .name = names[i] };
	}
	config = (struct config){
		.station = { .id = "S", .name = "Cầu Giấy", .area = "a" },
		.alerts = { .channels = { .items = channels, .count = 3 },
			.channel_down = (int64_t)15 * MINUTE_MS },
	};
	temp_make(&temp);
	*state = temp_open(&temp, STORE_RECORDER);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	store_close(*state);
	temp_remove(&temp);
	return 0;
}

/* Looks as if for the first time: the next look may come at once. */
static int look(struct outage_watch **watch, struct store *store, int64_t now_ms)
{
	outage_watch_free(*watch);
	*watch = outage_watch_new(&config, &notifier);
	assert_non_null(*watch);
	int added = outage_look(*watch, store, now_ms);
	if (added > 0)
		assert_int_equal(store_commit(store), 0);
	return added;
}

static void fail_since(size_t channel, int64_t ms)
{
	notifier.channels[channel].waiting = 2;
	notifier.channels[channel].oldest_ms = ms;
	notifier.channels[channel].last_error_ms = ms + 1000;
	snprintf(notifier.channels[channel].last_error,
		sizeof notifier.channels[channel].last_error, "HTTP 503");
}

static void test_once_and_its_end(void **state)
{
	struct store *store = *state;
	struct outage_watch *watch = NULL;
	struct outbox_item item;
	int64_t next;

	fail_since(0, start_ms);
	assert_int_equal(look(&watch, store, start_ms + 15 * MINUTE_MS - 1), 0);
	assert_int_equal(look(&watch, store, start_ms + 15 * MINUTE_MS), 2);
	assert_true(notifier.channels[0].down);
	assert_int_equal(errors_logged, 1);
	/* Not to the channel, nor to citizens; in each channel's language. */
	assert_int_equal(outbox_count(store, "push"), 0);
	assert_int_equal(outbox_next(store, "officers", INT64_MAX / 4, &item, &next), 1);
	assert_non_null(strstr(item.body, "Kênh push không gửi được tin"));
	assert_non_null(strstr(item.body, "HTTP 503"));
	assert_int_equal(outbox_next(store, "mail", INT64_MAX / 4, &item, &next), 1);
	assert_non_null(strstr(item.body, "Channel push does not work"));
	/* Once, over a restart too. */
	notifier.channels[0].down = false;
	assert_int_equal(look(&watch, store, start_ms + 60 * MINUTE_MS), 0);
	assert_true(notifier.channels[0].down);
	notifier.channels[0].last_success_ms = start_ms + 61 * MINUTE_MS;
	assert_int_equal(look(&watch, store, start_ms + 61 * MINUTE_MS), 2);
	assert_false(notifier.channels[0].down);
	assert_int_equal(outbox_count(store, "mail"), 2);
	assert_int_equal(look(&watch, store, start_ms + 62 * MINUTE_MS), 0);
	outage_watch_free(watch);
}

static void test_what_is_no_outage(void **state)
{
	struct store *store = *state;
	struct outage_watch *watch = NULL;

	/* Nothing waits. */
	fail_since(0, start_ms);
	notifier.channels[0].waiting = 0;
	/* Something got through lately, though one message does not. */
	fail_since(1, start_ms);
	notifier.channels[1].last_success_ms = start_ms + 14 * MINUTE_MS;
	notifier.channels[1].last_error_ms = start_ms + 15 * MINUTE_MS;
	assert_int_equal(look(&watch, store, start_ms + 20 * MINUTE_MS), 0);
	assert_int_equal(errors_logged, 0);
	outage_watch_free(watch);
}

static void test_all_fail(void **state)
{
	struct store *store = *state;
	struct outage_watch *watch = NULL;

	for (size_t i = 0; i < 3; i++)
		fail_since(i, start_ms);
	assert_int_equal(look(&watch, store, start_ms + 20 * MINUTE_MS), 4);
	assert_int_equal(errors_logged, 4); /* of each, and of all */
	outage_watch_free(watch);
}

static void test_a_rollback_forgets(void **state)
{
	struct store *store = *state;
	struct outage_watch *watch = outage_watch_new(&config, &notifier);

	fail_since(0, start_ms);
	assert_int_equal(outage_look(watch, store, start_ms + 20 * MINUTE_MS), 2);
	store_rollback(store);
	outage_rolled_back(watch);
	assert_int_equal(look(&watch, store, start_ms + 20 * MINUTE_MS), 2);
	outage_watch_free(watch);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_once_and_its_end),
		TEST(test_what_is_no_outage),
		TEST(test_all_fail),
		TEST(test_a_rollback_forgets),
	};

	return cmocka_run_group_tests_name("outage", tests, NULL, NULL);
}
