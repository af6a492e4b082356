/* Alerts between gateways: the envelope, what is let in, and what becomes of it. */
#include "alerts/relay_check.h"

#include <fcntl.h>
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
#include "alerts/relay_line.h"
#include "alerts/rule.h"
#include "core/clock.h"
#include "core/log.h"
#include "store/episodes.h"
#include "tests/unit/temp_store.h"

static const int64_t now_ms = 1795300000000;
static const char private_pem[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
	"-----END PRIVATE KEY-----\n";
/* RFC 8032, test 1 */
static const char public_pem[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
	"-----END PUBLIC KEY-----\n";

static struct temp temp;
static char secret_file[128], private_file[128], public_file[128];
static const char *others[] = { "HN-02" };
static struct relay_box boxes[2];
static struct relay_options options;
static struct channel_common commons[2] = { { .audience = AUDIENCE_CITIZENS },
	{ .audience = AUDIENCE_OPERATORS } };
static struct option_item channels[2] = {
	{ .name = "phones", .common = &commons[0] },
	{ .name = "officers", .common = &commons[1] },
};
static struct rule rules[1];
static struct config config;
static int64_t newest_ms;
static struct relay *relay;

static void write_file(char path[128], const char *name, const char *text)
{
	snprintf(path, 128, "%s/%s", temp.directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void no_log(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static int64_t tell_newest(void *arg, const char *station, uint16_t metric)
{
	(void)arg;
	(void)station;
	(void)metric;
	return newest_ms;
}

static int set_up(void **state)
{
	log_set_sink(no_log);
	clock_freeze(now_ms, 0);
	newest_ms = 0;
	temp_make(&temp);
	write_file(secret_file, "secret", "rất bí mật\n");
	write_file(private_file, "private.pem", private_pem);
	write_file(public_file, "public.pem", public_pem);
	boxes[0] = (struct relay_box){ .station = "HN-01",
		.key_file = secret_file,
		.cap = 2,
		.stations = { .values = others, .count = 1 } };
	boxes[1] = (struct relay_box){
		.station = "HN-09", .key_file = public_file, .cap = 100
	};
	options = (struct relay_options){ .name = "edges",
		.topic = "muabui/+/alerts",
		.boxes = { .items = boxes, .count = 2 } };
	rules[0] = (struct rule){
		.name = "own", .metric = metric_by_id(METRIC_PM25), .max_age = 600000
	};
	config = (struct config){
		.station = { .id = "C", .name = "Centre", .area = "" },
		.alerts = { .channels = { .items = channels, .count = 2 },
			.rules = { .items = rules, .count = 1 },
			.keep_log = 400LL * 24 * 3600 * 1000 },
	};
	relay = calloc(1, sizeof *relay + sizeof relay->lines[0]);
	assert_non_null(relay);
	relay->config = &config;
	relay->env.newest = tell_newest;
	relay->count = 1;
	relay->stopping = true; /* no broker is asked for anything */
	pthread_mutex_init(&relay->mutex, NULL);
	relay->lines[0].relay = relay;
	relay->lines[0].options = &options;
	pthread_mutex_init(&relay->lines[0].mutex, NULL);
	pthread_cond_init(&relay->lines[0].changed, NULL);
	*state = temp_open(&temp, STORE_RECORDER);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	relay_free(relay);
	store_close(*state);
	temp_remove(&temp);
	clock_freeze_plainly();
	return 0;
}

/* What the next message says; a test changes what it is about. */
static struct message next;

static void begin(const char *id, int revision)
{
	next = (struct message){ .revision = revision,
		.rule = "dust-now",
		.hazard = HAZARD_AIR,
		.severity = SEVERITY_SEVERE,
		.station = "HN-01",
		.station_name = "Cầu Giấy",
		.metric = "pm25",
		.unit = "µg/m³",
		.value = 200,
		.threshold = 150,
		.since_ms = now_ms,
		.at_ms = now_ms,
		.expires_ms = now_ms + 3600000,
		.title = "title",
		.text = "text" };
	snprintf(next.id, sizeof next.id, "%s", id);
}

/* The message in both languages, signed by FILE's key as BOX; to be freed. */
static struct buffer seal(const char *file, const char *box)
{
	static const char *const languages[] = { "vi", "en" };
	struct buffer bodies[2], out;
	const char *texts[2];
	char why[256];
	struct envelope_key *key = envelope_key_read(file, why, sizeof why);

	if (!key)
		fail_msg("%s", why);
	for (int i = 0; i < 2; i++) {
		buffer_init(&bodies[i], OUTBOX_BODY_MAX);
		snprintf(next.language, sizeof next.language, "%s", languages[i]);
		message_to_json(&next, &bodies[i]);
		texts[i] = buffer_text(&bodies[i]);
	}
	buffer_init(&out, ENVELOPE_MAX);
	assert_true(envelope_write(key, box, now_ms, AUDIENCE_CITIZENS, texts, 2, &out));
	buffer_free(&bodies[0]);
	buffer_free(&bodies[1]);
	envelope_key_free(key);
	return out;
}

static enum relay_verdict check_bytes(const char *topic, const char *bytes, size_t length)
{
	const struct mqtt_message message = {
		.topic = topic, .bytes = bytes, .length = length, .qos = 1
	};

	return relay_check(&options, &message, now_ms, &relay->lines[0].item);
}

static enum relay_verdict check(const char *topic, const char *file, const char *box)
{
	struct buffer out = seal(file, box);
	enum relay_verdict verdict = check_bytes(topic, out.data, out.length);

	buffer_free(&out);
	return verdict;
}

#define TOPIC "muabui/HN-01/alerts"

static void test_signed_by_either_key(void **state)
{
	struct envelope *envelope = &relay->lines[0].item.envelope;

	(void)state;
	begin("abcdefgh1", 1);
	assert_int_equal(check(TOPIC, secret_file, "HN-01"), RELAY_TAKEN);
	assert_string_equal(envelope->box, "HN-01");
	assert_int_equal(envelope->count, 2);
	assert_string_equal(envelope->messages[1].language, "en");
	assert_string_equal(envelope->messages[0].id, "abcdefgh1");
	assert_int_equal(envelope->sent_ms, now_ms);
	snprintf(next.station, sizeof next.station, "HN-09");
	assert_int_equal(
		check("muabui/HN-09/alerts", private_file, "HN-09"), RELAY_TAKEN);
	/* A public key signs nothing. */
	char why[256];
	struct envelope_key *key = envelope_key_read(public_file, why, sizeof why);
	struct buffer out;
	const char *body = "{}";
	buffer_init(&out, ENVELOPE_MAX);
	assert_false(envelope_write(key, "HN-09", now_ms, 0, &body, 1, &out));
	envelope_key_free(key);
	buffer_free(&out);
	assert_null(envelope_key_read("/nowhere/at/all", why, sizeof why));
}

static void test_every_changed_byte_is_noticed(void **state)
{
	(void)state;
	begin("abcdefgh1", 1);
	struct buffer out = seal(secret_file, "HN-01");
	for (size_t i = 0; i < out.length; i++) {
		out.data[i] ^= 1;
		assert_int_not_equal(
			check_bytes(TOPIC, out.data, out.length), RELAY_TAKEN);
		out.data[i] ^= 1;
		assert_int_not_equal(check_bytes(TOPIC, out.data, i), RELAY_TAKEN);
	}
	assert_int_equal(check_bytes(TOPIC, out.data, out.length), RELAY_TAKEN);
	buffer_free(&out);
}

static void test_who_may_say_what(void **state)
{
	(void)state;
	begin("abcdefgh1", 1);
	assert_int_equal(check(TOPIC, private_file, "HN-01"), RELAY_UNSIGNED);
	assert_int_equal(check(TOPIC, secret_file, "HN-09"), RELAY_STRANGER);
	assert_int_equal(
		check("muabui/HN-77/alerts", secret_file, "HN-77"), RELAY_STRANGER);
	assert_int_equal(
		check("muabui/HN-01/alerts/x", secret_file, "HN-01"), RELAY_STRANGER);
	assert_int_equal(check("muabui/HN-01", secret_file, "HN-01"), RELAY_STRANGER);
	assert_int_equal(check("muabui//alerts", secret_file, "HN-01"), RELAY_STRANGER);
	snprintf(next.station, sizeof next.station, "HN-02");
	assert_int_equal(check(TOPIC, secret_file, "HN-01"), RELAY_TAKEN);
	snprintf(next.station, sizeof next.station, "HN-03");
	assert_int_equal(check(TOPIC, secret_file, "HN-01"), RELAY_FOREIGN);
	begin("short", 1);
	assert_int_equal(check(TOPIC, secret_file, "HN-01"), RELAY_NONSENSE);
	begin("abc/../defgh", 1);
	assert_int_equal(check(TOPIC, secret_file, "HN-01"), RELAY_NONSENSE);
	begin("abcdefgh1", 1);
	next.test = true;
	assert_int_equal(check(TOPIC, secret_file, "HN-01"), RELAY_NONSENSE);
}

static void test_in_time(void **state)
{
	(void)state;
	begin("abcdefgh1", 1);
	next.expires_ms = now_ms;
	assert_int_equal(check(TOPIC, secret_file, "HN-01"), RELAY_UNTIMELY);
	next.resolved = true;
	assert_int_equal(check(TOPIC, secret_file, "HN-01"), RELAY_TAKEN);
	begin("abcdefgh1", 1);
	next.expires_ms = now_ms + 32LL * 24 * 3600 * 1000;
	assert_int_equal(check(TOPIC, secret_file, "HN-01"), RELAY_UNTIMELY);
	begin("abcdefgh1", 1);
	next.at_ms = now_ms + 10 * 60 * 1000;
	assert_int_equal(check(TOPIC, secret_file, "HN-01"), RELAY_UNTIMELY);
	begin("abcdefgh1", 1);
	struct buffer out = seal(secret_file, "HN-01");
	const struct mqtt_message retained = { .topic = TOPIC,
		.bytes = out.data,
		.length = out.length,
		.is_retained = true };
	assert_int_equal(relay_check(&options, &retained, now_ms, &relay->lines[0].item),
		RELAY_RETAINED);
	buffer_free(&out);
}

/* --- the recorder's side -------------------------------------------------------------
 */

/* What becomes of NEXT; committed unless it is to be rolled back. */
static enum relay_verdict offer(struct store *store, bool commits)
{
	struct relay_line *line = &relay->lines[0];
	enum relay_verdict verdict = check(TOPIC, secret_file, "HN-01");

	if (verdict != RELAY_TAKEN)
		return verdict;
	line->state = LINE_WAITING;
	int added = relay_take(relay, store, now_ms);
	assert_true(added >= 0);
	if (added == 0) {
		assert_int_equal(line->state, LINE_DECIDED);
		return line->verdict;
	}
	/* Not decided, and so not acknowledged, before it is committed. */
	assert_int_equal(line->state, LINE_WRITTEN);
	if (commits)
		assert_int_equal(store_commit(store), 0);
	else
		store_rollback(store);
	relay_ended(relay, commits);
	assert_int_equal(line->state, commits ? LINE_DECIDED : LINE_WAITING);
	return line->verdict;
}

static void test_each_once_and_in_order(void **state)
{
	struct store *store = *state;
	struct outbox_item item;
	int64_t due;

	begin("abcdefgh1", 1);
	offer(store, false);
	assert_int_equal(outbox_count(store, "phones"), 0);
	assert_int_equal(offer(store, true), RELAY_TAKEN);
	assert_int_equal(outbox_count(store, "phones"), 1);
	assert_int_equal(outbox_count(store, "officers"), 0);
	assert_int_equal(outbox_next(store, "phones", now_ms, &item, &due), 1);
	assert_string_equal(item.episode, "abcdefgh1");
	assert_int_equal(item.expires_ms, now_ms + 3600000);
	assert_int_equal(offer(store, true), RELAY_KNOWN);
	begin("abcdefgh1", 3);
	next.resolved = true;
	assert_int_equal(offer(store, true), RELAY_TAKEN);
	begin("abcdefgh1", 2);
	assert_int_equal(offer(store, true), RELAY_KNOWN);
	begin("abcdefgh1", 4); /* it is over */
	assert_int_equal(offer(store, true), RELAY_KNOWN);
	begin("abcdefgh2", 2);
	next.resolved = true;
	assert_int_equal(offer(store, true), RELAY_UNTOLD);
	assert_int_equal(outbox_count(store, "phones"), 2);
}

static void test_capped_and_foreign(void **state)
{
	struct store *store = *state;
	struct episode_message own = { .episode = "abcdefgh0",
		.revision = 1,
		.created_ms = now_ms,
		.rule = "r",
		.station = "S",
		.hazard = "air",
		.origin = "",
		.latitude = NAN,
		.longitude = NAN,
		.bodies = { "{}", "{}" } };

	assert_int_equal(history_add(store, &own, 0), 0);
	assert_int_equal(store_commit(store), 0);
	begin("abcdefgh0", 2);
	assert_int_equal(offer(store, true), RELAY_FOREIGN);
	begin("abcdefgh1", 1);
	assert_int_equal(offer(store, true), RELAY_TAKEN);
	begin("abcdefgh2", 1);
	assert_int_equal(offer(store, true), RELAY_TAKEN);
	begin("abcdefgh3", 1);
	assert_int_equal(offer(store, true), RELAY_CAPPED);
	begin("abcdefgh2", 2);
	next.resolved = true;
	assert_int_equal(offer(store, true), RELAY_TAKEN);
}

static void test_its_own_rule_first(void **state)
{
	struct store *store = *state;

	begin("abcdefgh1", 1);
	snprintf(next.rule, sizeof next.rule, "own");
	newest_ms = now_ms - 1000;
	assert_int_equal(offer(store, true), RELAY_OWN);
	/* It has no fresh readings of the station: then it cannot judge. */
	newest_ms = now_ms - 700000;
	assert_int_equal(offer(store, true), RELAY_TAKEN);
	/* What was taken is seen to its end. */
	newest_ms = now_ms;
	next.revision = 2;
	assert_int_equal(offer(store, true), RELAY_TAKEN);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_signed_by_either_key),
		TEST(test_every_changed_byte_is_noticed),
		TEST(test_who_may_say_what),
		TEST(test_in_time),
		TEST(test_each_once_and_in_order),
		TEST(test_capped_and_foreign),
		TEST(test_its_own_rule_first),
	};

	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
