#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "core/http_client.h"
#include "core/log.h"
#include "outputs/drivers.h"
#include "outputs/influx_answer.h"
#include "tests/unit/output_store.h"
#include "tests/unit/scripted_server.h"

static char directory[] = "/tmp/muabui-influx-XXXXXX";

/* --- options, set by name as the loader does ------------------------------- */

static const struct option *find_option(const char *name)
{
	const struct option *option = output_influxdb.kind.group.options;

	while (option->name && strcmp(option->name, name) != 0)
		option++;
	assert_non_null(option->name);
	return option;
}

static void *options_new(int port)
{
	static char url[64];
	char *options = calloc(1, output_influxdb.kind.group.size);

	snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
	*(const char **)(void *)(options + find_option("url")->offset) = url;
	*(int *)(options + find_option("version")->offset) = 2;
	*(bool *)(options + find_option("gzip")->offset) = true;
	*(int64_t *)(options + find_option("timeout")->offset) = 1000;
	return options;
}

static void set_text(void *options, const char *name, const char *value)
{
	memcpy((char *)options + find_option(name)->offset, &value, sizeof value);
}

static void set_version(void *options, int version)
{
	*(int *)((char *)options + find_option("version")->offset) = version;
}

static const char *secret_file(const char *name, const char *content)
{
	static char path[2][128];
	static int turn;
	char *made = path[turn ^= 1];

	snprintf(made, sizeof path[0], "%s/%s", directory, name);
	FILE *file = fopen(made, "w");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
	return made;
}

/* --- one sending -------------------------------------------------------------- */

static char *fixed(void *arg, size_t index, const struct server_request *request)
{
	(void)index, (void)request;
	return strdup(arg);
}

static const char no_content[] = "HTTP/1.1 204 No Content\r\n\r\n";
static const char line[] = "environment,station=s,sensor=d pm25=1.5 1700000000000\n";

struct sending {
	struct server server;
	void *options;
	struct answer answer;
};

static void begin(struct sending *x, const char *said)
{
	server_start(&x->server, fixed, (void *)said);
	x->options = options_new(x->server.port);
}

static void send_line(struct sending *x)
{
	char why[256] = "";
	struct buffer batch = { .data = (char *)line, .length = strlen(line) };
	void *self = output_influxdb.open(x->options, why, sizeof why);

	if (!self)
		fail_msg("%s", why);
	output_influxdb.send(self, &batch, &x->answer);
	output_influxdb.close(self);
}

static void end(struct sending *x)
{
	free(x->options);
	server_stop(&x->server);
}

static void expect_request(
	const struct sending *x, const char *first_line, const char *authorization)
{
	const struct server_request *request = &x->server.requests[0];
	size_t length = strcspn(request->head, "\r");

	assert_int_equal(length, strlen(first_line));
	assert_memory_equal(request->head, first_line, length);
	assert_string_equal(server_header(request, "Authorization"), authorization);
	assert_string_equal(
		server_header(request, "Content-Type"), "text/plain; charset=utf-8");
	assert_string_equal(request->body, line);
	assert_int_equal(x->answer.outcome, OUTCOME_DONE);
	assert_int_equal(x->answer.status, 204);
}

static void test_version_1(void **state)
{
	struct sending x;

	(void)state;
	begin(&x, no_content);
	set_version(x.options, 1);
	set_text(x.options, "database", "my db&x");
	send_line(&x);
	expect_request(&x, "POST /write?db=my%20db%26x&precision=ms HTTP/1.1", "");
	assert_string_equal(
		server_header(&x.server.requests[0], "Content-Encoding"), "gzip");
	end(&x);

	begin(&x, no_content);
	set_version(x.options, 1);
	set_text(x.options, "database", "env");
	set_text(x.options, "retention_policy", "tuần");
	set_text(x.options, "username", "u");
	set_text(x.options, "password_file", secret_file("password", "p\n"));
	*(bool *)((char *)x.options + find_option("gzip")->offset) = false;
	send_line(&x);
	expect_request(&x, "POST /write?db=env&rp=tu%E1%BA%A7n&precision=ms HTTP/1.1",
		"Basic dTpw");
	assert_string_equal(server_header(&x.server.requests[0], "Content-Encoding"), "");
	end(&x);
}

static void test_version_2(void **state)
{
	struct sending x;

	(void)state;
	begin(&x, no_content);
	set_text(x.options, "org", "hn");
	set_text(x.options, "bucket", "env/autogen");
	set_text(x.options, "token_file", secret_file("token", "t0ken==\n"));
	send_line(&x);
	expect_request(&x,
		"POST /api/v2/write?org=hn&bucket=env%2Fautogen&precision=ms HTTP/1.1",
		"Token t0ken==");
	end(&x);

	/* InfluxDB 1.8 behind its version 2 interface. */
	begin(&x, no_content);
	set_text(x.options, "org", "-");
	set_text(x.options, "bucket", "env");
	set_text(x.options, "username", "u");
	set_text(x.options, "password_file", secret_file("password", "p\n"));
	send_line(&x);
	expect_request(&x, "POST /api/v2/write?org=-&bucket=env&precision=ms HTTP/1.1",
		"Token u:p");
	end(&x);
}

static void test_version_3(void **state)
{
	struct sending x;

	(void)state;
	begin(&x, no_content);
	set_version(x.options, 3);
	set_text(x.options, "database", "env");
	set_text(x.options, "token_file", secret_file("token", "apiv3_x"));
	send_line(&x);
	expect_request(&x, "POST /api/v2/write?bucket=env&precision=ms HTTP/1.1",
		"Bearer apiv3_x");
	end(&x);
}

static void test_secrets_that_cannot_be_read(void **state)
{
	char why[256] = "";
	void *options = options_new(1);

	(void)state;
	set_text(options, "token_file", "/nowhere/token");
	assert_null(output_influxdb.open(options, why, sizeof why));
	assert_string_equal(why, "cannot open /nowhere/token: No such file or directory");
	set_text(options, "token_file", secret_file("token", "two\nlines"));
	assert_null(output_influxdb.open(options, why, sizeof why));
	assert_non_null(strstr(why, "more than one line"));
	assert_null(strstr(why, "two"));
	set_text(options, "token_file", NULL);
	set_text(options, "username", "u");
	set_text(options, "password_file", secret_file("password", "\n"));
	assert_null(output_influxdb.open(options, why, sizeof why));
	assert_non_null(strstr(why, "is empty"));
	free(options);
}

static void expect_answer(const char *said, enum outcome outcome, int status,
	int64_t refused, const char *reason)
{
	struct sending x;

	begin(&x, said);
	set_text(x.options, "org", "hn");
	set_text(x.options, "bucket", "env");
	send_line(&x);
	assert_int_equal(x.answer.outcome, outcome);
	assert_int_equal(x.answer.status, status);
	assert_int_equal(x.answer.refused, refused);
	assert_string_equal(x.answer.reason, reason);
	end(&x);
}

static void test_answers(void **state)
{
	char *said;

	(void)state;
	said = server_answer(400, "",
		"{\"error\":\"partial write: field type conflict: input field \\\"pm25\\\" on "
		"measurement \\\"environment\\\" is type float, already exists as type integer "
		"dropped=3\"}\n");
	expect_answer(said, OUTCOME_REFUSED, 400, 3,
		"HTTP 400: partial write: field type conflict: input field \"pm25\" on "
		"measurement \"environment\" is type float, already exists as type integer "
		"dropped=3");
	free(said);
	said = server_answer(400, "", "{\"error\":\"unable to parse 'x'\"}");
	expect_answer(said, OUTCOME_REFUSED, 400, 0, "HTTP 400: unable to parse 'x'");
	free(said);
	said = server_answer(413, "", "");
	expect_answer(said, OUTCOME_REFUSED, 413, 0, "HTTP 413");
	free(said);
	said = server_answer(401, "", "{\"code\":\"unauthorized\",\"message\":\"no\"}");
	expect_answer(said, OUTCOME_HELD, 401, 0, "HTTP 401: no");
	free(said);
	said = server_answer(200, "", "\r\n<html>Please log in</html>");
	expect_answer(said, OUTCOME_RETRY, 200, 0,
		"HTTP 200 with a web page: this is not InfluxDB");
	free(said);
	said = server_answer(503, "", "{\"error\":\"timeout\"}");
	expect_answer(said, OUTCOME_RETRY, 503, 0, "HTTP 503: timeout");
	free(said);
}

/* Body, lines sent → how many are refused, and which (their lines, 0 ends). */
static const struct said {
	int status;
	const char *body;
	enum outcome outcome;
	int64_t refused;
	unsigned lines[4];
} saids[] = {
	/* InfluxDB 1 */
	{ 400, "{\"error\":\"partial write: points beyond retention policy dropped=7\"}",
		OUTCOME_REFUSED, 7, { 0 } },
	{ 400, "{\"error\":\"partial write: unable to parse 'x': missing fields dropped=0\"}",
		OUTCOME_REFUSED, 0, { 0 } },
	{ 400,
		"{\"error\":\"partial write: field type conflict: input field \\\"a "
		"dropped=9\\\" on measurement dropped=1 for database: d\"}",
		OUTCOME_REFUSED, 1, { 0 } },
	{ 404, "{\"error\":\"database not found: \\\"env\\\"\"}", OUTCOME_HELD, 0,
		{ 0 } },
	{ 500, "{\"error\":\"timeout\"}", OUTCOME_RETRY, 0, { 0 } },
	/* InfluxDB 2 */
	{ 422,
		"{\"code\":\"unprocessable entity\",\"message\":\"failure writing points to "
		"database: partial write: field type conflict: input field dropped=3\"}",
		OUTCOME_REFUSED, 3, { 0 } },
	{ 500,
		"{\"code\":\"internal error\",\"message\":\"unexpected error writing points "
		"to database: partial write: field type conflict dropped=2\"}",
		OUTCOME_REFUSED, 2, { 0 } },
	{ 400, "{\"code\":\"invalid\",\"message\":\"unable to parse 'x': bad timestamp\"}",
		OUTCOME_REFUSED, 0, { 0 } },
	/* InfluxDB 3 */
	{ 400,
		"{\"error\":\"partial write of line protocol occurred\",\"data\":["
		"{\"original_line\":\"b\",\"line_number\":9,\"error_message\":\"e\"},"
		"{\"original_line\":\"a\",\"line_number\":2,\"error_message\":\"e\"},"
		"{\"original_line\":\"a\",\"line_number\":2,\"error_message\":\"f\"}]}",
		OUTCOME_REFUSED, 0, { 2, 9 } },
	{ 400,
		"{\"error\":\"parsing failed for write_lp endpoint\",\"data\":"
		"{\"original_line\":\"a\",\"line_number\":4,\"error_message\":\"e\"}}",
		OUTCOME_REFUSED, 0, { 4 } },
	{ 400,
		"{\"code\":\"invalid\",\"line\":2,\"message\":\"failed to parse line "
		"protocol: errors encountered on line(s):\\nerror parsing line 2 (1-based): "
		"no\\nerror parsing line 4 (1-based): no\"}",
		OUTCOME_REFUSED, 0, { 2, 4 } },
	/* QuestDB */
	{ 400,
		"{\"code\":\"invalid\",\"message\":\"failed to parse line protocol:errors "
		"encountered on line(s):\\nerror in line 5: table: environment, column: pm25; "
		"cast error\",\"line\":5,\"errorId\":\"x-1\"}",
		OUTCOME_REFUSED, 0, { 5 } },
	/* What cannot be believed: beyond what was sent, no number, cut off. */
	{ 400, "{\"line\":11,\"message\":\"\"}", OUTCOME_REFUSED, 0, { 0 } },
	{ 400, "{\"line\":0,\"message\":\"\"}", OUTCOME_REFUSED, 0, { 0 } },
	{ 400, "{\"line\":1e99,\"message\":\"\"}", OUTCOME_REFUSED, 0, { 0 } },
	{ 400, "{\"data\":[{\"line_number\":\"2\"},5,null]}", OUTCOME_REFUSED, 0, { 0 } },
	{ 400, "{\"data\":[{\"line_number\":2},", OUTCOME_REFUSED, 0, { 0 } },
	/* VictoriaMetrics, Telegraf */
	{ 204, "", OUTCOME_DONE, 0, { 0 } },
	{ 400, "{\"error\":\"http: bad request\"}", OUTCOME_REFUSED, 0, { 0 } },
	{ 503, "no", OUTCOME_RETRY, 0, { 0 } },
};

static void test_what_is_said_of_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof saids / sizeof *saids; i++) {
		const struct said *said = &saids[i];
		struct answer answer = { .status = said->status,
			.outcome = answer_outcome(said->status) };
		struct buffer body;

		buffer_init(&body, 4096);
		buffer_puts(&body, said->body);
		influx_answer_read(&body, 10, &answer);
		buffer_free(&body);
		print_message("%s\n", said->body);
		assert_int_equal(answer.outcome, said->outcome);
		assert_int_equal(answer.refused, said->refused);
		for (size_t k = 0; k < 4; k++) {
			if (said->lines[k] == 0) {
				assert_int_equal(answer.guilty_count, k);
				break;
			}
			assert_int_equal(answer.guilty[k] + 1, said->lines[k]);
		}
	}
}

/* A batch as large as batches get, and a shorter one after it by the same z_stream. */
static void test_large_batches(void **state)
{
	struct sending x;
	struct buffer batch;
	char why[256] = "";

	(void)state;
	begin(&x, no_content);
	void *self = output_influxdb.open(x.options, why, sizeof why);
	assert_non_null(self);
	buffer_init(&batch, 1 << 20);
	unsigned seed = 1;
	while (batch.length < OUTPUT_BATCH_BYTES) {
		seed = seed * 1103515245 + 12345;
		buffer_printf(&batch, "environment,station=%x pm25=%u.5 %u\n", seed, seed,
			seed);
	}
	output_influxdb.send(self, &batch, &x.answer);
	assert_int_equal(x.answer.outcome, OUTCOME_DONE);
	assert_int_equal(x.server.requests[0].length, batch.length);
	assert_memory_equal(x.server.requests[0].body, batch.data, batch.length);
	assert_true(x.server.requests[0].sent_length < batch.length * 2 / 3);
	/* A part of it: no NUL stands behind. */
	struct buffer part = { .data = batch.data + 1000, .length = 50 };
	output_influxdb.send(self, &part, &x.answer);
	assert_int_equal(x.server.requests[1].length, 50);
	assert_memory_equal(x.server.requests[1].body, part.data, 50);
	assert_int_equal(atomic_load(&x.server.connections), 1);
	output_influxdb.close(self);
	buffer_free(&batch);
	end(&x);
}

/* --- the whole way: store, thread, driver, server ------------------------------- */

static struct output_store s;
static struct server server;
static struct outputs *outputs;
static struct option_item item;
static struct output_common common;

static void start_output(int64_t timeout_ms)
{
	struct option_list list = { .items = &item, .count = 1 };

	common = (struct output_common){ .batch = 5000 };
	item = (struct option_item){ .name = "city",
		.kind = &output_influxdb.kind,
		.common = &common,
		.options = options_new(server.port) };
	set_version(item.options, 1);
	set_text(item.options, "database", "env");
	*(int64_t *)((char *)item.options + find_option("timeout")->offset) = timeout_ms;
	outputs = outputs_start(&list, s.path);
	assert_non_null(outputs);
}

static void finish(void)
{
	outputs_stop(outputs, 1000);
	server_stop(&server);
	free(item.options);
	output_store_close(&s);
}

static void silent(enum log_level level, const char *text)
{
	(void)level, (void)text;
}

/* The n-th answer: everything that can go wrong once, then 204. */
static char *misbehave(void *arg, size_t index, const struct server_request *request)
{
	(void)arg, (void)request;
	switch (index) {
	case 0:
		return strdup(""); /* cut */
	case 1:
		return server_answer(429, "Retry-After: 1\r\n", "");
	case 2:
		return server_answer(503, "", "{\"error\":\"overloaded\"}");
	default:
		return strdup(no_content);
	}
}

static void test_trouble_costs_nothing(void **state)
{
	(void)state;
	output_store_open(&s);
	output_store_fill(&s, 1, 3);
	server_start(&server, misbehave, NULL);
	start_output(1000);
	output_store_await(&s, outputs, 0, 3);
	struct output_status now;
	outputs_get_status(outputs, 0, &now);
	assert_int_equal(now.failures, 3);
	assert_int_equal(now.sent, 3);
	assert_string_equal(now.last_error, "HTTP 503: overloaded");
	assert_int_equal(server_count(&server), 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(server.requests[i].body,
			"environment,station=s,sensor=d pm25=1.0 1700000000001\n"
			"environment,station=s,sensor=d pm25=2.0 1700000000002\n"
			"environment,station=s,sensor=d pm25=3.0 1700000000003\n");
	finish();
}

/* As InfluxDB 1 does: 400 when a line is poison, 413 when there are too many. */
static char *refuse_poison(void *arg, size_t index, const struct server_request *request)
{
	(void)index;
	if (request->length > 8000)
		return server_answer(413, "", "{\"error\":\"Request Entity Too Large\"}");
	if (strstr(request->body, "pm25=77.0") || strstr(request->body, "pm25=500.0"))
		return server_answer(
			400, "", "{\"error\":\"partial write: poison dropped=1\"}");
	buffer_puts(arg, request->body);
	return strdup(no_content);
}

static int letter(void *arg, int columns, char **values, char **names)
{
	char *all = arg;

	(void)columns, (void)names;
	snprintf(all + strlen(all), 1024 - strlen(all), "%s|%s|%s\n", values[0],
		values[1], values[2]);
	return 0;
}

static void test_poison_takes_nobody_along(void **state)
{
	char letters[1024] = "";
	struct buffer accepted;

	(void)state;
	buffer_init(&accepted, 256 * 1024);
	output_store_open(&s);
	output_store_fill(&s, 1, 500);
	server_start(&server, refuse_poison, &accepted);
	start_output(1000);
	output_store_await(&s, outputs, 0, 500);
	struct output_status now;
	outputs_get_status(outputs, 0, &now);
	assert_int_equal(now.sent, 498);
	assert_int_equal(now.dead, 2);
	assert_int_equal(now.lag, 0);
	const char *p = buffer_text(&accepted);
	for (int i = 1; i < 500; i++) {
		char expected[128];
		if (i == 77)
			continue;
		snprintf(expected, sizeof expected,
			"environment,station=s,sensor=d pm25=%d.0 170000000%04d\n", i, i);
		assert_memory_equal(p, expected, strlen(expected));
		p += strlen(expected);
	}
	assert_string_equal(p, "");
	sqlite3_exec(store_handle(s.recorder),
		"SELECT report, body, reason FROM dead_letter ORDER BY rowid", letter,
		letters, NULL);
	assert_string_equal(letters,
		"77|environment,station=s,sensor=d pm25=77.0 1700000000077|"
		"HTTP 400: partial write: poison dropped=1\n"
		"500|environment,station=s,sensor=d pm25=500.0 1700000000500|"
		"HTTP 400: partial write: poison dropped=1\n");
	finish();
	buffer_free(&accepted);
}

/* As InfluxDB 3 (odd requests) and QuestDB (even ones) do it. */
static char *name_poison(void *arg, size_t index, const struct server_request *request)
{
	unsigned number = 1;

	for (const char *p = request->body; *p; number++) {
		const char *next = strchr(p, '\n') + 1;
		const char *value = strstr(p, "pm25=");
		if (strtol(value + 5, NULL, 10) % 100 == 77) {
			char body[200];
			snprintf(body, sizeof body,
				index % 2 ? "{\"error\":\"partial write\",\"data\":[{"
					    "\"line_number\":%u}]}"
					  : "{\"message\":\"no\",\"line\":%u}",
				number);
			return server_answer(400, "", body);
		}
		p = next;
	}
	buffer_puts(arg, request->body);
	return strdup(no_content);
}

static void test_named_poison_takes_nobody_along(void **state)
{
	struct buffer accepted;
	struct output_status now;

	(void)state;
	buffer_init(&accepted, 256 * 1024);
	output_store_open(&s);
	output_store_fill(&s, 1, 1000);
	server_start(&server, name_poison, &accepted);
	start_output(1000);
	output_store_await(&s, outputs, 0, 1000);
	outputs_get_status(outputs, 0, &now);
	assert_int_equal(now.sent, 990);
	assert_int_equal(now.dead, 10);
	for (int i = 1; i <= 1000; i++) {
		char expected[32];
		snprintf(expected, sizeof expected, "pm25=%d.0 ", i);
		const char *found = strstr(buffer_text(&accepted), expected);
		assert_int_equal(found == NULL, i % 100 == 77);
		assert_true(!found || !strstr(found + 1, expected));
	}
	/* One sending more for each: the part before it, and the rest. */
	assert_int_equal(server_count(&server), 1 + 2 * 10);
	assert_int_equal(atomic_load(&server.connections), 1);
	finish();
	buffer_free(&accepted);
}

static char *never(void *arg, size_t index, const struct server_request *request)
{
	(void)arg, (void)index, (void)request;
	return NULL;
}

static void test_silent_server_does_not_hold_up_the_stop(void **state)
{
	(void)state;
	output_store_open(&s);
	output_store_fill(&s, 1, 3);
	server_start(&server, never, NULL);
	start_output(60000);
	while (server_count(&server) == 0)
		usleep(5000);
	int64_t before = clock_real_ms();
	outputs_stop(outputs, 200);
	assert_in_range(clock_real_ms() - before, 0, 2500);
	assert_int_equal(output_store_cursor(&s, "city"), 0);
	outputs = NULL;
	finish();
}

/* A wrong token: kept, and shown as something a person must look after. */
static char *want_token(void *arg, size_t index, const struct server_request *request)
{
	(void)arg, (void)index;
	if (strcmp(server_header(request, "Authorization"), "Token right") == 0)
		return strdup(no_content);
	return server_answer(401, "", "{\"error\":\"authorization failed\"}");
}

static void test_wrong_token_is_held(void **state)
{
	struct output_status now = { 0 };

	(void)state;
	output_store_open(&s);
	output_store_fill(&s, 1, 3);
	server_start(&server, want_token, NULL);
	common = (struct output_common){ .batch = 5000 };
	item = (struct option_item){ .name = "city",
		.kind = &output_influxdb.kind,
		.common = &common,
		.options = options_new(server.port) };
	set_text(item.options, "org", "hn");
	set_text(item.options, "bucket", "env");
	set_text(item.options, "token_file", secret_file("token", "wrong"));
	outputs = outputs_start(
		&(struct option_list){ .items = &item, .count = 1 }, s.path);
	for (int i = 0; i < 200 && !now.held; i++) {
		usleep(10000);
		outputs_get_status(outputs, 0, &now);
	}
	assert_true(now.held);
	assert_string_equal(now.last_error, "HTTP 401: authorization failed");
	assert_null(strstr(now.last_error, "wrong"));
	assert_int_equal(output_store_cursor(&s, "city"), 0);
	finish();
}

static int make_directory(void **state)
{
	(void)state;
	http_client_setup();
	log_set_sink(silent);
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof path, "%s/token", directory);
	unlink(path);
	snprintf(path, sizeof path, "%s/password", directory);
	unlink(path);
	http_client_cleanup();
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_1),
		cmocka_unit_test(test_version_2),
		cmocka_unit_test(test_version_3),
		cmocka_unit_test(test_secrets_that_cannot_be_read),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_what_is_said_of_lines),
		cmocka_unit_test(test_large_batches),
		cmocka_unit_test(test_trouble_costs_nothing),
		cmocka_unit_test(test_poison_takes_nobody_along),
		cmocka_unit_test(test_named_poison_takes_nobody_along),
		cmocka_unit_test(test_silent_server_does_not_hold_up_the_stop),
		cmocka_unit_test(test_wrong_token_is_held),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
