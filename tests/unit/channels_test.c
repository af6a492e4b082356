#include "alerts/channel.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alerts/ntfy.h"
#include "alerts/webhook.h"
#include "config/config.h"
#include "core/http_client.h"
#include "core/log.h"
#include "tests/unit/scripted_server.h"

static const struct channel_env no_env = { .name = "trial" };

static int logged;

static void count_log(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
	logged++;
}

/* What the far side answers to each request. */
struct script {
	int statuses[8]; /* 0: 200 */
	const char *body;
};

static char *play(void *arg, size_t index, const struct server_request *request)
{
	const struct script *script = arg;
	int status = index < 8 && script->statuses[index] ? script->statuses[index] : 200;

	(void)request;
	return server_answer(status, "", script->body);
}

static struct server server;

static const struct channel_driver *find_driver(const char *name)
{
	for (size_t i = 0; channel_drivers[i]; i++) {
		if (!strcmp(channel_drivers[i]->kind.name, name))
			return channel_drivers[i];
	}
	fail_msg("no channel type %s", name);
	return NULL;
}

/* The kind's options with what was set by name, the rest zeroed. */
static void *make_options(const struct channel_driver *driver)
{
	void *options = calloc(1, driver->kind.group.size + 8);

	assert_non_null(options);
	return options;
}

static void set_text(const struct channel_driver *driver, void *options, const char *key,
	const char *value)
{
	for (const struct option *o = driver->kind.group.options; o->name; o++) {
		if (!strcmp(o->name, key)) {
			memcpy((char *)options + o->offset, &value, sizeof value);
			return;
		}
	}
	fail_msg("no option %s", key);
}

static void set_timeout(const struct channel_driver *driver, void *options, int64_t ms)
{
	for (const struct option *o = driver->kind.group.options; o->name; o++) {
		if (!strcmp(o->name, "timeout"))
			memcpy((char *)options + o->offset, &ms, sizeof ms);
	}
}

static struct message make_message(void)
{
	return (struct message){
		.id = "2abc",
		.revision = 1,
		.rule = "bad-air",
		.hazard = HAZARD_RAIN,
		.severity = SEVERITY_EXTREME,
		.station = "S",
		.value = 1,
		.threshold = NAN,
		.language = "vi",
		.title = "Mưa lớn tại Cầu Giấy",
		.text = "Lúc 14:35",
		.instruction = "Ở nơi cao",
	};
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void test_signature(void **unused)
{
	char header[WEBHOOK_SIGNATURE_SIZE];

	(void)unused;
	/* RFC 4231, test case 2. */
	assert_true(
		webhook_signature("Jefe", "what do ya want for nothing?", 28, header));
	assert_string_equal(header,
		"X-Signature: sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void test_webhook(void **unused)
{
	const struct channel_driver *driver = find_driver("webhook");
	struct script script = { .body = "" };
	void *options = make_options(driver);
	struct message message = make_message(), back;
	struct answer answer;
	char url[64], why[256], signature[WEBHOOK_SIGNATURE_SIZE],
		file[] = "/tmp/webhook_test.XXXXXX";

	(void)unused;
	server_start(&server, play, &script);
	close(mkstemp(file));
	write_file(file, "Jefe\n");
	snprintf(url, sizeof url, "http://127.0.0.1:%d/alerts", server.port);
	set_text(driver, options, "url", url);
	set_text(driver, options, "secret_file", file);
	set_timeout(driver, options, 5000);
	void *self = driver->open(&no_env, options, why, sizeof why);
	assert_non_null(self);
	script.statuses[1] = 503;
	script.statuses[2] = 422;
	script.statuses[3] = 401;
	static const enum outcome outcomes[] = { OUTCOME_DONE, OUTCOME_RETRY,
		OUTCOME_REFUSED, OUTCOME_HELD };
	for (int i = 0; i < 4; i++) {
		driver->send(self, &message, &answer);
		assert_int_equal(answer.outcome, outcomes[i]);
	}
	assert_int_equal(server_count(&server), 4);
	assert_ptr_equal(strstr(server.requests[0].head, "POST /alerts HTTP/1.1\r\n"),
		server.requests[0].head);
	assert_non_null(
		strstr(server.requests[0].head, "Content-Type: application/json\r\n"));
	const char *body = server.requests[0].body;
	assert_true(message_from_json(&back, body));
	assert_string_equal(back.title, message.title);
	assert_true(webhook_signature("Jefe", body, strlen(body), signature));
	assert_non_null(strstr(server.requests[0].head, signature));
	driver->close(self);

	set_text(driver, options, "secret_file", "/nonexistent");
	assert_null(driver->open(&no_env, options, why, sizeof why));
	assert_non_null(strstr(why, "/nonexistent"));
	server_stop(&server);
	free(options);
	unlink(file);
}

static void test_ntfy_urls(void **unused)
{
	char topic[NTFY_TOPIC_SIZE], url[160];
	size_t root;

	(void)unused;
	assert_true(ntfy_split_url("https://ntfy.example/cau-giay", &root, topic));
	assert_string_equal(topic, "cau-giay");
	assert_int_equal(root, strlen("https://ntfy.example/"));
	assert_true(ntfy_split_url("http://h:81/base/T_1", &root, topic));
	assert_string_equal(topic, "T_1");
	assert_int_equal(root, strlen("http://h:81/base/"));
	static const char *const bad[] = { "https://ntfy.example",
		"https://ntfy.example/", "https:///topic", "https://h/a?b",
		"https://h/a.b", "https://h/á", "topic", "" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(ntfy_split_url(bad[i], &root, topic));
	snprintf(url, sizeof url, "https://h/%064d", 0);
	assert_true(ntfy_split_url(url, &root, topic));
	snprintf(url, sizeof url, "https://h/%065d", 0);
	assert_false(ntfy_split_url(url, &root, topic));
}

static void check_body(const struct message *message, const char *expected)
{
	struct buffer out;

	buffer_init(&out, 4096);
	ntfy_body(message, "cau-giay", "", &out);
	assert_string_equal(buffer_text(&out), expected);
	buffer_free(&out);
}

static void test_ntfy_bodies(void **unused)
{
	struct message message = make_message();

	(void)unused;
	check_body(&message,
		"{\"topic\":\"cau-giay\",\"title\":\"Mưa lớn tại Cầu Giấy\","
		"\"message\":\"Lúc 14:35\\u000aỞ nơi cao\",\"priority\":5,"
		"\"tags\":[\"cloud_with_rain\"],\"sequence_id\":\"2abc\"}");
	message.resolved = true;
	message.instruction[0] = '\0';
	snprintf(message.id, sizeof message.id, "a/b é");
	check_body(&message,
		"{\"topic\":\"cau-giay\",\"title\":\"Mưa lớn tại Cầu Giấy\","
		"\"message\":\"Lúc 14:35\",\"priority\":2,"
		"\"tags\":[\"white_check_mark\"],\"sequence_id\":\"a-b---\"}");
}

static void test_ntfy(void **unused)
{
	const struct channel_driver *driver = find_driver("ntfy");
	struct script script = { .body = "" };
	void *options = make_options(driver);
	struct message message = make_message();
	struct answer answer;
	char url[64], why[256], file[] = "/tmp/ntfy_test.XXXXXX";

	(void)unused;
	server_start(&server, play, &script);
	close(mkstemp(file));
	write_file(file, "tk_secret");
	snprintf(url, sizeof url, "http://127.0.0.1:%d/cau-giay", server.port);
	set_text(driver, options, "url", url);
	set_text(driver, options, "token_file", file);
	set_text(driver, options, "click", "https://air.example/");
	set_timeout(driver, options, 5000);
	script.body = "{\"id\":\"x\",\"sequence_id\":\"2abc\"}";
	void *self = driver->open(&no_env, options, why, sizeof why);
	assert_non_null(self);
	logged = 0;
	driver->send(self, &message, &answer);
	assert_int_equal(answer.outcome, OUTCOME_DONE);
	assert_int_equal(logged, 0);
	assert_ptr_equal(strstr(server.requests[0].head, "POST / HTTP/1.1\r\n"),
		server.requests[0].head);
	assert_non_null(
		strstr(server.requests[0].head, "Authorization: Bearer tk_secret\r\n"));
	assert_non_null(strstr(server.requests[0].body, "\"topic\":\"cau-giay\""));
	assert_non_null(
		strstr(server.requests[0].body, "\"click\":\"https://air.example/\""));

	/* An old server is noticed, once. */
	script.body = "{\"id\":\"x\"}";
	driver->send(self, &message, &answer);
	driver->send(self, &message, &answer);
	assert_int_equal(answer.outcome, OUTCOME_DONE);
	assert_int_equal(logged, 1);
	script.statuses[3] = 429;
	driver->send(self, &message, &answer);
	assert_int_equal(answer.outcome, OUTCOME_RETRY);
	driver->close(self);
	server_stop(&server);
	free(options);
	unlink(file);
}

static void test_nobody_listens(void **unused)
{
	const struct channel_driver *driver = find_driver("webhook");
	void *options = make_options(driver);
	struct message message = make_message();
	struct answer answer;
	char why[256];

	(void)unused;
	set_text(driver, options, "url", "http://127.0.0.1:1/");
	set_timeout(driver, options, 2000);
	void *self = driver->open(&no_env, options, why, sizeof why);
	assert_non_null(self);
	driver->send(self, &message, &answer);
	assert_int_equal(answer.outcome, OUTCOME_RETRY);
	assert_false(answer.maybe_taken);
	assert_true(answer.reason[0] != '\0');
	driver->close(self);
	free(options);
}

static void test_family(void **unused)
{
	size_t count = 0;

	(void)unused;
	for (; channel_drivers[count]; count++)
		assert_ptr_equal(
			channel_family.kinds[count], &channel_drivers[count]->kind);
	assert_null(channel_family.kinds[count]);
	assert_true(count >= 3);
	/* "default", then the languages of the configuration. */
	const struct option *language = &channel_family.common.options[1];
	assert_string_equal(language->name, "language");
	for (size_t i = 0; config_languages[i]; i++)
		assert_string_equal(language->choices[i + 1], config_languages[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_webhook),
		cmocka_unit_test(test_ntfy_urls),
		cmocka_unit_test(test_ntfy_bodies),
		cmocka_unit_test(test_ntfy),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_family),
	};

	log_set_sink(count_log);
	http_client_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
