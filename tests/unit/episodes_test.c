#include "store/episodes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/delivery_log.h"
#include "tests/unit/temp_store.h"

static struct temp temp;

static int make_store(void **state)
{
	temp_make(&temp);
	*state = temp_open(&temp, STORE_RECORDER);
	return *state ? 0 : -1;
}

static int drop_store(void **state)
{
	store_close(*state);
	temp_remove(&temp);
	return 0;
}

static void add(struct store *store, const char *episode, int revision, bool resolved,
	int64_t created_ms, const char *origin)
{
	const struct episode_message message = {
		.episode = episode,
		.revision = revision,
		.resolved = resolved,
		.is_public = strncmp(episode, "op", 2) != 0,
		.created_ms = created_ms,
		.expires_ms = created_ms + 100,
		.rule = "dust",
		.station = "S",
		.hazard = "air",
		.latitude = 21.5,
		.longitude = NAN,
		.origin = origin,
		.bodies = { "{\"language\":\"vi\"}", "{\"language\":\"en\"}" },
	};

	assert_int_equal(history_add(store, &message, 0), 0);
	assert_int_equal(store_commit(store), 0);
}

static void note(void *arg, const struct episode_message *message)
{
	char *text = arg;
	size_t used = strlen(text);

	assert_non_null(strstr(message->bodies[1], "en"));
	assert_true(message->latitude > 21 && message->latitude < 22);
	assert_true(isnan(message->longitude));
	snprintf(text + used, 200 - used, "%s%s:%d", used ? " " : "", message->episode,
		message->revision);
}

static const char *each(struct store *store, const struct history_choice *choice)
{
	static char text[200];

	text[0] = '\0';
	assert_true(history_each(store, choice, note, text) >= 0);
	return text;
}

static void test_what_is_chosen(void **state)
{
	struct store *store = *state;

	add(store, "a", 1, false, 1000, "");
	add(store, "b", 1, false, 1050, "");
	add(store, "op", 1, false, 1060, "");
	add(store, "a", 2, true, 1100, "");
	add(store, "a", 2, false, 9000, ""); /* is there already */
	assert_string_equal(each(store, &(struct history_choice){ 0 }), "a:2 b:1 a:1");
	assert_string_equal(
		each(store, &(struct history_choice){ .newest_only = true }), "a:2 b:1");
	assert_string_equal(
		each(store, &(struct history_choice){ .from_ms = 1050, .to_ms = 1100 }),
		"b:1");
	assert_string_equal(each(store,
				    &(struct history_choice){ .from_ms = 1090,
					    .active_at_ms = 1140,
					    .newest_only = true }),
		"a:2 b:1");
	assert_string_equal(each(store, &(struct history_choice){ .limit = 1 }), "a:2");
}

static void test_a_chain(void **state)
{
	struct store *store = *state;
	char text[200] = "", origin[NAME_SIZE];
	bool resolved;
	int revision;

	add(store, "a", 1, false, 1000, "BOX");
	add(store, "a", 2, false, 1100, "BOX");
	add(store, "a", 3, true, 1200, "BOX");
	assert_int_equal(history_chain(store, "a", 2, note, text), 2);
	assert_string_equal(text, "a:1 a:2");
	assert_int_equal(history_newest(store, "a", &revision, &resolved, origin), 1);
	assert_int_equal(revision, 3);
	assert_true(resolved);
	assert_string_equal(origin, "BOX");
	assert_int_equal(history_newest(store, "z", &revision, &resolved, origin), 0);
	assert_int_equal(history_count(store, "BOX", 0), 2);
	assert_int_equal(history_count(store, "BOX", 1050), 1);
	assert_int_equal(history_count(store, "OTHER", 0), 0);
}

static void test_the_old_goes_in_small_steps(void **state)
{
	struct store *store = *state;
	struct episode_message message = {
		.episode = "new",
		.revision = 1,
		.created_ms = 5000,
		.rule = "",
		.station = "",
		.hazard = "",
		.origin = "",
		.bodies = { "", "" },
	};

	for (int i = 1; i <= 25; i++)
		add(store, "a", i, false, 1000 + i, "");
	assert_int_equal(history_add(store, &message, 4000), 0);
	assert_int_equal(
		(int)temp_number(store, "SELECT count(*) FROM episode_message"), 16);
	store_rollback(store);
}

/* --- the delivery log ----------------------------------------------------- */

static void deliver(struct store *store, const char *channel, const char *body,
	enum outbox_end end, int64_t now_ms)
{
	struct outbox_item item = { .revision = 1, .created_ms = 10, .expires_ms = 90 };
	int64_t next;

	snprintf(item.channel, sizeof item.channel, "%s", channel);
	snprintf(item.episode, sizeof item.episode, "e%d", (int)now_ms);
	snprintf(item.body, sizeof item.body, "%s", body);
	assert_int_equal(outbox_add(store, &item), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(outbox_next(store, channel, 20, &item, &next), 1);
	assert_int_equal(outbox_finish(store, &item, end, now_ms, "said"), 0);
}

static void note_entry(void *arg, const struct delivery *entry)
{
	char *text = arg;
	size_t used = strlen(text);

	snprintf(text + used, 500 - used, "%s/%s/%s@%s/%s/%s/%zu;", entry->channel,
		entry->result, entry->rule, entry->station, entry->title, entry->answer,
		strlen(entry->body));
}

static const char *log_of(struct store *store, const struct delivery_choice *choice)
{
	static char text[500];

	text[0] = '\0';
	assert_true(delivery_log_each(store, choice, note_entry, text) >= 0);
	return text;
}

static void test_who_was_told_what(void **state)
{
	struct store *store = *state;

	deliver(store, "one", "{\"rule\":\"dust\",\"station\":\"A\",\"title\":\"T\"}",
		OUTBOX_DELIVERED, 100);
	deliver(store, "two", "{\"rule\":\"rain\",\"station\":\"B\"}", OUTBOX_REFUSED,
		200);
	deliver(store, "two", "{no json", OUTBOX_REFUSED, 300);
	assert_string_equal(log_of(store, &(struct delivery_choice){ 0 }),
		"one/delivered/dust@A/T/said/0;two/refused/rain@B//said/29;"
		"two/refused/@//said/8;");
	assert_string_equal(log_of(store, &(struct delivery_choice){ .rule = "dust" }),
		"one/delivered/dust@A/T/said/0;");
	assert_string_equal(log_of(store, &(struct delivery_choice){ .station = "B" }),
		"two/refused/rain@B//said/29;");
	assert_string_equal(
		log_of(store,
			&(struct delivery_choice){
				.channel = "two", .from_ms = 100, .to_ms = 300 }),
		"two/refused/rain@B//said/29;");
	assert_string_equal(
		log_of(store, &(struct delivery_choice){ .result = "expired" }), "");
}

static void test_the_log_is_kept_so_long(void **state)
{
	struct store *store = *state;

	for (int i = 0; i < 30; i++)
		deliver(store, "one", "{}", OUTBOX_DELIVERED, 100 + i);
	assert_int_equal(delivery_log_forget(store, 100, 10), 0);
	assert_int_equal(delivery_log_forget(store, 125, 10), 10);
	assert_int_equal(delivery_log_forget(store, 125, 20), 15);
	assert_int_equal(delivery_log_forget(store, 125, 20), 0);
	assert_int_equal((int)temp_number(store, "SELECT count(*) FROM delivery"), 5);
	assert_int_equal(
		(int)temp_number(store, "SELECT count(*) FROM delivery_text"), 5);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, make_store, drop_store)
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_chosen),
		TEST(test_a_chain),
		TEST(test_the_old_goes_in_small_steps),
		TEST(test_who_was_told_what),
		TEST(test_the_log_is_kept_so_long),
	};

	return cmocka_run_group_tests_name("episodes", tests, NULL, NULL);
}
