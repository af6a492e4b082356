#include "alerts/notifier.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/channel.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/thread.h"
#include "store/episodes.h"
#include "store/outbox.h"
#include "tests/unit/temp_store.h"

/* --- a channel that answers by script ----------------------------------- */

enum { SCRIPT_MAX = 16, HANG = 100, MAYBE = 101 };

struct script {
	pthread_mutex_t mutex;
	int answers[SCRIPT_MAX]; /* enum outcome, HANG or MAYBE (retry, may have arrived)
				  */
	bool may_not_open;
	int sent, opened, closed;
	char log[SCRIPT_MAX][96]; /* "id:revision:state" */
	char titles[SCRIPT_MAX][256];
	int64_t at_ms[SCRIPT_MAX];
	struct bell hang; /* rung by abort */
	struct bell arrived;
};

static void *script_open(
	const struct channel_env *env, const void *options, char *why, size_t size)
{
	struct script *script = *(struct script *const *)options;
	void *self = script;

	(void)env;
	pthread_mutex_lock(&script->mutex);
	script->opened++;
	if (script->may_not_open) {
		snprintf(why, size, "no such file");
		self = NULL;
		bell_ring(&script->arrived);
	}
	pthread_mutex_unlock(&script->mutex);
	return self;
}

static void script_close(void *self)
{
	struct script *script = self;

	pthread_mutex_lock(&script->mutex);
	script->closed++;
	pthread_mutex_unlock(&script->mutex);
}

static void script_send(void *self, const struct message *message, struct answer *answer)
{
	struct script *script = self;

	pthread_mutex_lock(&script->mutex);
	int at = script->sent < SCRIPT_MAX ? script->sent : SCRIPT_MAX - 1;
	int plan = script->answers[at];
	script->sent++;
	script->at_ms[at] = clock_real_ms();
	snprintf(script->log[at], sizeof script->log[at], "%s:%d:%s", message->id,
		message->revision, message->resolved ? "over" : "on");
	snprintf(script->titles[at], sizeof script->titles[at], "%s", message->title);
	pthread_mutex_unlock(&script->mutex);
	*answer = (struct answer){
		.outcome = OUTCOME_RETRY, .retry_after_ms = -1, .reason = "by script"
	};
	bell_ring(&script->arrived);
	if (plan == HANG)
		bell_wait(&script->hang, 20000);
	else if (plan == MAYBE)
		answer->maybe_taken = true;
	else
		answer->outcome = (enum outcome)plan;
}

static void script_abort(void *self)
{
	struct script *script = self;

	bell_ring(&script->hang);
}

static const struct channel_driver driver = {
	.kind = { .name = "script" },
	.open = script_open,
	.close = script_close,
	.send = script_send,
	.abort = script_abort,
};

/* --- the world about it -------------------------------------------------- */

static struct temp temp;
static struct script scripts[2];
static const void *options[2];
static struct channel_common commons[2];
static struct option_item channels[2];
static struct config config;
static _Atomic int errors_logged;

static void count_errors(enum log_level level, const char *line)
{
	(void)line;
	errors_logged += level == LOG_LEVEL_ERROR;
}

static int set_up(void **state)
{
	static const char *const names[] = { "one", "two" };

	log_set_sink(count_errors);
	errors_logged = 0;
	for (size_t i = 0; i < 2; i++) {
		memset(&scripts[i], 0, sizeof scripts[i]);
		pthread_mutex_init(&scripts[i].mutex, NULL);
		bell_init(&scripts[i].hang);
		bell_init(&scripts[i].arrived);
		options[i] = &scripts[i];
		channels[i] = (struct option_item){ .name = names[i],
			.kind = &driver.kind,
			.common = &commons[i],
			.options = &options[i] };
	}
	config = (struct config){
		.station = { .id = "S", .name = "Cầu Giấy", .area = "a" },
		.alerts.channels = { .items = channels, .count = 2 },
		.alerts.keep_log = 400LL * 24 * 3600 * 1000,
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

static void add(struct store *store, const char *channel, const char *id, int revision,
	bool resolved, int64_t expires_in_ms)
{
	int64_t now = clock_wall_ms();
	struct message message = {
		.revision = revision,
		.resolved = resolved,
		.hazard = HAZARD_AIR,
		.value = 1,
		.threshold = NAN,
		.since_ms = now,
		.at_ms = now,
		.expires_ms = now + expires_in_ms,
		.rule = "r",
		.station = "s",
		.language = "vi",
	};
	struct outbox_item item = { .revision = revision,
		.resolved = resolved,
		.created_ms = now,
		.expires_ms = now + expires_in_ms };
	struct buffer body;

	snprintf(message.id, sizeof message.id, "%s", id);
	buffer_init(&body, OUTBOX_BODY_MAX);
	message_to_json(&message, &body);
	snprintf(item.channel, sizeof item.channel, "%s", channel);
	snprintf(item.episode, sizeof item.episode, "%s", id);
	snprintf(item.body, sizeof item.body, "%s", buffer_text(&body));
	buffer_free(&body);
	assert_int_equal(outbox_add(store, &item), 0);
	assert_int_equal(store_commit(store), 0);
}

/* Waits until SENT sends have begun on channel I; false after 10 s. */
static bool wait_sent(size_t i, int sent)
{
	int64_t until = clock_real_ms() + 10000;

	for (;;) {
		pthread_mutex_lock(&scripts[i].mutex);
		bool done = scripts[i].sent >= sent;
		pthread_mutex_unlock(&scripts[i].mutex);
		if (done || clock_real_ms() > until)
			return done;
		bell_wait(&scripts[i].arrived, 50);
	}
}

/* Waits until CHANNEL has nothing waiting any more; false after 10 s. */
static bool wait_empty(struct store *store, const char *channel)
{
	int64_t until = clock_real_ms() + 10000;

	while (outbox_count(store, channel) > 0) {
		if (clock_real_ms() > until)
			return false;
		usleep(5000);
	}
	return true;
}

static void test_sends_at_once_and_in_order(void **state)
{
	struct store *store = *state;
	struct notifier *notifier = notifier_start(&config, temp.path);

	assert_non_null(notifier);
	assert_int_equal(notifier_count(notifier), 2);
	usleep(50000); /* the threads wait by now */
	add(store, "one", "e", 1, false, 60000);
	add(store, "one", "e", 2, false, 60000);
	add(store, "one", "e", 3, true, 60000);
	int64_t rung = clock_real_ms();
	notifier_ring(notifier);
	assert_true(wait_sent(0, 3));
	assert_string_equal(scripts[0].log[0], "e:1:on");
	assert_string_equal(scripts[0].log[1], "e:2:on");
	assert_string_equal(scripts[0].log[2], "e:3:over");
	assert_true(scripts[0].at_ms[0] - rung < 250);
	assert_true(wait_empty(store, "one"));
	notifier_stop(notifier, 1000);
	assert_int_equal(scripts[0].sent, 3);
	assert_int_equal(scripts[0].opened, 1);
	assert_int_equal(scripts[0].closed, 1);
	assert_int_equal(scripts[1].sent, 0);
}

static void test_retries(void **state)
{
	struct store *store = *state;
	struct channel_status status;

	scripts[0].answers[0] = OUTCOME_RETRY;
	add(store, "one", "e", 1, false, 60000);
	struct notifier *notifier = notifier_start(&config, temp.path);
	assert_true(wait_sent(0, 2));
	assert_string_equal(scripts[0].log[1], "e:1:on");
	assert_in_range(scripts[0].at_ms[1] - scripts[0].at_ms[0], 400, 3000);
	assert_true(wait_empty(store, "one"));
	notifier_get_status(notifier, 0, &status);
	assert_string_equal(status.name, "one");
	assert_string_equal(status.type, "script");
	assert_int_equal(status.failures, 1);
	assert_string_equal(status.last_error, "by script");
	assert_true(status.last_error_ms > 0);
	notifier_stop(notifier, 0);
}

static void test_what_is_not_sent(void **state)
{
	struct store *store = *state;

	add(store, "one", "late", 1, false, -1);
	add(store, "one", "late", 2, true, 60000);
	add(store, "one", "untold", 2, true, 60000);
	add(store, "one", "good", 1, false, 60000);
	struct notifier *notifier = notifier_start(&config, temp.path);
	assert_true(wait_empty(store, "one"));
	notifier_stop(notifier, 0);
	assert_int_equal(scripts[0].sent, 1);
	assert_string_equal(scripts[0].log[0], "good:1:on");
	assert_true(temp_number(store,
			    "SELECT sum(result = 'delivered') * 100 + count(*)"
			    " FROM delivery WHERE channel = 'one'") == 104);
}

/* E as the history has it. */
static void announce(struct store *store, const char *episode, int revision, bool over)
{
	const struct episode_message message = {
		.episode = episode,
		.revision = revision,
		.resolved = over,
		.created_ms = clock_wall_ms(),
		.rule = "r",
		.station = "s",
		.hazard = "air",
		.origin = "",
		.bodies = { "{}", "{}" },
	};

	assert_int_equal(history_add(store, &message, 0), 0);
	assert_int_equal(store_commit(store), 0);
}

/* An alert that stands still and was never said, and an end that is owed. */
static void test_what_is_said_late(void **state)
{
	struct store *store = *state;

	announce(store, "stands", 1, false);
	add(store, "one", "stands", 1, false, -1000);
	announce(store, "over", 1, false);
	announce(store, "over", 2, true);
	add(store, "one", "over", 1, false, -1000);
	add(store, "one", "told", 1, false, 60000);
	add(store, "one", "told", 2, true, -1000);
	add(store, "one", "ancient", 1, false, 60000);
	add(store, "one", "ancient", 2, true, -13 * 3600 * 1000);
	struct notifier *notifier = notifier_start(&config, temp.path);
	assert_true(wait_empty(store, "one"));
	notifier_stop(notifier, 0);
	assert_int_equal(scripts[0].sent, 4);
	assert_string_equal(scripts[0].log[0], "stands:1:on");
	assert_string_equal(scripts[0].titles[0], "Vẫn còn: ");
	assert_string_equal(scripts[0].log[1], "told:1:on");
	assert_string_equal(scripts[0].titles[1], "");
	assert_string_equal(scripts[0].log[2], "told:2:over");
	assert_string_equal(scripts[0].log[3], "ancient:1:on");
}

/* The alert could not be said in time, and it is over: nothing is said. */
static void test_superseded(void **state)
{
	struct store *store = *state;

	scripts[0].answers[0] = OUTCOME_RETRY;
	add(store, "one", "e", 1, false, 60000);
	add(store, "one", "e", 2, true, 60000);
	struct notifier *notifier = notifier_start(&config, temp.path);
	assert_true(wait_empty(store, "one"));
	notifier_stop(notifier, 0);
	assert_int_equal(scripts[0].sent, 1);
	assert_int_equal(outbox_was_told(store, "one", "e"), 0);
}

/* It may have arrived: then the all-clear is due. */
static void test_maybe_told(void **state)
{
	struct store *store = *state;

	scripts[0].answers[0] = MAYBE;
	add(store, "one", "e", 1, false, 60000);
	add(store, "one", "e", 2, true, 60000);
	struct notifier *notifier = notifier_start(&config, temp.path);
	assert_true(wait_empty(store, "one"));
	notifier_stop(notifier, 0);
	assert_int_equal(scripts[0].sent, 2);
	assert_string_equal(scripts[0].log[1], "e:2:over");
}

/* The all-clear is tried as carefully as the alert. */
static void test_all_clear_is_retried(void **state)
{
	struct store *store = *state;

	scripts[0].answers[1] = OUTCOME_RETRY;
	add(store, "one", "e", 1, false, 60000);
	add(store, "one", "e", 2, true, 60000);
	struct notifier *notifier = notifier_start(&config, temp.path);
	assert_true(wait_empty(store, "one"));
	notifier_stop(notifier, 0);
	assert_int_equal(scripts[0].sent, 3);
	assert_string_equal(scripts[0].log[1], "e:2:over");
	assert_string_equal(scripts[0].log[2], "e:2:over");
}

static void test_refused_and_unreadable(void **state)
{
	struct store *store = *state;
	struct outbox_item item = { .channel = "one",
		.episode = "broken",
		.revision = 1,
		.expires_ms = clock_wall_ms() + 60000,
		.body = "{\"id\":" };

	scripts[0].answers[0] = OUTCOME_REFUSED;
	add(store, "one", "a", 1, false, 60000);
	assert_int_equal(outbox_add(store, &item), 0);
	add(store, "one", "b", 1, false, 60000);
	struct notifier *notifier = notifier_start(&config, temp.path);
	assert_true(wait_empty(store, "one"));
	notifier_stop(notifier, 0);
	assert_int_equal(scripts[0].sent, 2);
	assert_string_equal(scripts[0].log[1], "b:1:on");
	assert_int_equal(errors_logged, 2);
}

/* A wrong token: kept, said once, and read anew at the next attempt. */
static void test_held(void **state)
{
	struct store *store = *state;
	struct channel_status status;

	scripts[0].answers[0] = scripts[0].answers[1] = OUTCOME_HELD;
	add(store, "one", "a", 1, false, 60000);
	struct notifier *notifier = notifier_start(&config, temp.path);
	assert_true(wait_sent(0, 1));
	usleep(50000);
	add(store, "one", "b", 1, false, 60000);
	notifier_ring(notifier);
	assert_true(wait_sent(0, 2));
	usleep(50000);
	notifier_get_status(notifier, 0, &status);
	assert_true(status.held);
	assert_int_equal(status.failures, 2);
	assert_int_equal(status.waiting, 2);
	notifier_stop(notifier, 0);
	assert_int_equal(scripts[0].opened, 2);
	assert_int_equal(scripts[0].closed, 2);
	assert_int_equal(errors_logged, 1);
	assert_int_equal(outbox_count(store, "one"), 2);
}

static void test_one_hangs_the_other_does_not(void **state)
{
	struct store *store = *state;

	scripts[0].answers[0] = HANG;
	struct notifier *notifier = notifier_start(&config, temp.path);
	add(store, "one", "e", 1, false, 60000);
	notifier_ring(notifier);
	assert_true(wait_sent(0, 1));
	add(store, "two", "e", 1, false, 60000);
	int64_t rung = clock_real_ms();
	notifier_ring(notifier);
	assert_true(wait_sent(1, 1));
	assert_true(scripts[1].at_ms[0] - rung < 250);
	int64_t before = clock_real_ms();
	notifier_stop(notifier, 300);
	assert_in_range(clock_real_ms() - before, 250, 3000);
	/* What was cut short waits for the next start. */
	assert_int_equal(outbox_count(store, "one"), 1);
	assert_int_equal(outbox_count(store, "two"), 0);
}

static void test_stopping_tries_what_is_due(void **state)
{
	struct store *store = *state;

	for (int i = 0; i < 10; i++) {
		char id[16];

		snprintf(id, sizeof id, "e%d", i);
		add(store, "one", id, 1, false, 60000);
	}
	struct notifier *notifier = notifier_start(&config, temp.path);
	notifier_stop(notifier, 5000);
	assert_int_equal(scripts[0].sent, 10);
	assert_int_equal(outbox_count(store, "one"), 0);
}

static void test_a_channel_that_cannot_be_opened(void **state)
{
	struct store *store = *state;
	struct channel_status status;

	scripts[0].may_not_open = true;
	add(store, "one", "e", 1, false, 60000);
	struct notifier *notifier = notifier_start(&config, temp.path);
	bell_wait(&scripts[0].arrived, 5000);
	usleep(50000);
	notifier_get_status(notifier, 0, &status);
	assert_string_equal(status.last_error, "no such file");
	pthread_mutex_lock(&scripts[0].mutex);
	scripts[0].may_not_open = false;
	pthread_mutex_unlock(&scripts[0].mutex);
	assert_true(wait_empty(store, "one"));
	notifier_stop(notifier, 0);
	assert_int_equal(scripts[0].sent, 1);
}

static void test_trial(void **state)
{
	struct answer answer;

	(void)state;
	notifier_test(&config, &channels[1], &answer);
	assert_int_equal(answer.outcome, OUTCOME_DONE);
	assert_int_equal(scripts[1].sent, 1);
	assert_int_equal(strncmp(scripts[1].log[0], "test", 4), 0);
	assert_int_equal(scripts[1].closed, 1);
	scripts[1].may_not_open = true;
	notifier_test(&config, &channels[1], &answer);
	assert_int_not_equal(answer.outcome, OUTCOME_DONE);
	assert_string_equal(answer.reason, "no such file");
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_sends_at_once_and_in_order),
		TEST(test_retries),
		TEST(test_what_is_not_sent),
		TEST(test_what_is_said_late),
		TEST(test_superseded),
		TEST(test_maybe_told),
		TEST(test_all_clear_is_retried),
		TEST(test_refused_and_unreadable),
		TEST(test_held),
		TEST(test_one_hangs_the_other_does_not),
		TEST(test_stopping_tries_what_is_due),
		TEST(test_a_channel_that_cannot_be_opened),
		TEST(test_trial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
