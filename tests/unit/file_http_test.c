#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "core/clock.h"
#include "core/http_client.h"
#include "outputs/drivers.h"
#include "outputs/file_prune.h"
#include "store/reports.h"
#include "tests/unit/scripted_server.h"
#include "tests/unit/temp_store.h"

/* The outputs "file" and "http": what they write and send. */

static void *options_new(const struct output_driver *driver)
{
	return calloc(1, driver->kind.group.size);
}

static void *at(const struct output_driver *driver, void *options, const char *name)
{
	const struct option *option = driver->kind.group.options;

	while (option->name && strcmp(option->name, name) != 0)
		option++;
	assert_non_null(option->name);
	return (char *)options + option->offset;
}

#define SET(driver, options, name, type, value) \
	(*(type *)at(driver, options, name) = (value))

static struct stored_report make_report(void)
{
	struct stored_report stored = { .id = 1, .source = 1 };

	report_init(&stored.report);
	stored.report.time_ms = 1700000000000;
	snprintf(stored.report.station, NAME_SIZE, "Cầu \"Giấy\", 1");
	snprintf(stored.report.sensor, NAME_SIZE, "d");
	report_add(&stored.report, METRIC_PM25, 35.2);
	report_add(&stored.report, METRIC_PM10, 512);
	stored.report.readings[0].flag = FLAG_GOOD;
	stored.report.readings[1].flag = FLAG_FAIL;
	return stored;
}

/* --- file -------------------------------------------------------------------- */

struct file {
	struct temp temp;
	char path[160];
	void *options, *self;
	struct answer answer;
};

static void file_begin(struct file *f, int format, int64_t max_size, int keep)
{
	char why[256];

	temp_make(&f->temp);
	snprintf(f->path, sizeof f->path, "%s/out", f->temp.directory);
	f->options = options_new(&output_file);
	SET(&output_file, f->options, "path", const char *, f->path);
	SET(&output_file, f->options, "format", int, format);
	SET(&output_file, f->options, "max_size", int64_t, max_size);
	SET(&output_file, f->options, "keep", int, keep);
	SET(&output_file, f->options, "sync", bool, true);
	f->self = output_file.open(f->options, why, sizeof why);
	assert_non_null(f->self);
}

static void file_put(struct file *f, bool backlog)
{
	struct stored_report stored = make_report();
	struct buffer batch;

	buffer_init(&batch, 4096);
	output_file.lane(f->self, backlog);
	output_file.encode(f->self, &stored, &batch);
	output_file.send(f->self, &batch, &f->answer);
	buffer_free(&batch);
}

static void expect_file(const char *path, const char *text)
{
	char content[4096];
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	ssize_t length = read(fd, content, sizeof content - 1);
	close(fd);
	content[length] = '\0';
	assert_string_equal(content, text);
}

static void file_end(struct file *f)
{
	output_file.close(f->self);
	free(f->options);
	temp_remove(&f->temp);
}

#define HEAD "time,station,sensor,metric,value,unit,flag,backlog\n"
#define ROWS(backlog)                                                                    \
	"2023-11-14T22:13:20+00:00,\"Cầu \"\"Giấy\"\", 1\",d,pm25,35.2,µg/m³,1," backlog \
	"\n"                                                                             \
	"2023-11-14T22:13:20+00:00,\"Cầu \"\"Giấy\"\", 1\",d,pm10,512,µg/m³,4," backlog  \
	"\n"

static void test_csv(void **state)
{
	struct file f;

	(void)state;
	file_begin(&f, 1, 0, 0);
	file_put(&f, false);
	assert_int_equal(f.answer.outcome, OUTCOME_DONE);
	file_put(&f, true);
	expect_file(f.path, HEAD ROWS("0") ROWS("1"));
	/* What a power cut left of a batch goes before the next is written. */
	assert_int_equal(
		truncate(f.path, sizeof HEAD - 1 + sizeof ROWS("0") - 1 + 70), 0);
	file_put(&f, true);
	expect_file(f.path, HEAD ROWS("0") ROWS("1"));
	file_end(&f);
}

static void test_line_and_rotation(void **state)
{
	static const char line[] =
		"environment,station=Cầu\\ \"Giấy\"\\,\\ 1,sensor=d pm25=35.2,pm10_bad=512.0,"
		"pm10_qc=4i 1700000000000\n";
	char older[180], text[1024];
	struct file f;

	(void)state;
	file_begin(&f, 0, 2 * sizeof line, 2);
	for (int i = 0; i < 7; i++) {
		file_put(&f, false);
		assert_int_equal(f.answer.outcome, OUTCOME_DONE);
	}
	snprintf(text, sizeof text, "%s%s", line, line);
	expect_file(f.path, line);
	for (int i = 1; i <= 2; i++) {
		snprintf(older, sizeof older, "%s.%d", f.path, i);
		expect_file(older, text);
	}
	snprintf(older, sizeof older, "%s.3", f.path);
	assert_int_equal(access(older, F_OK), -1);
	file_end(&f);
}

static void test_file_troubles(void **state)
{
	char path[200];
	struct file f;

	(void)state;
	file_begin(&f, 0, 0, 0);
	snprintf(path, sizeof path, "%s/none/out", f.temp.directory);
	SET(&output_file, f.options, "path", const char *, path);
	file_put(&f, false);
	assert_int_equal(f.answer.outcome, OUTCOME_HELD);
	assert_non_null(strstr(f.answer.reason, "No such file or directory"));
	/* A disk that is always full. */
	SET(&output_file, f.options, "path", const char *, "/dev/full");
	file_put(&f, false);
	assert_int_equal(f.answer.outcome, OUTCOME_RETRY);
	assert_non_null(strstr(f.answer.reason, "No space left"));
	file_end(&f);
}

static void test_path_names_the_day(void **state)
{
	char path[200];
	struct file f;

	(void)state;
	setenv("TZ", "<+07>-7", 1);
	tzset();
	clock_freeze(1700000000000, 0); /* 22:13 UTC, the next day in Hanoi */
	file_begin(&f, 0, 0, 0);
	snprintf(path, sizeof path, "%s/%%Y-%%m-%%d-%%H", f.temp.directory);
	SET(&output_file, f.options, "path", const char *, path);
	file_put(&f, false);
	snprintf(path, sizeof path, "%s/2023-11-15-05", f.temp.directory);
	assert_int_equal(access(path, F_OK), 0);
	clock_simulate(0, 1);
	file_end(&f);
}

static void test_names_that_fit(void **state)
{
	static const struct {
		const char *template, *name;
		bool fits;
	} cases[] = {
		{ "%Y-%m-%d.csv", "2026-11-22.csv", true },
		{ "%Y-%m-%d.csv", "2026-11-22.csv.1000", true },
		{ "%Y-%m-%d.csv", "2026-11-22.csv.10000", false },
		{ "%Y-%m-%d.csv", "2026-11-22.csv.", false },
		{ "%Y-%m-%d.csv", "2026-11-22.csv.1x", false },
		{ "%Y-%m-%d.csv", "2026-11-22.csv~", false },
		{ "%Y-%m-%d.csv", "2026-11-2", false },
		{ "%Y-%m-%d.csv", "2026-11-xx.csv", false },
		{ "%Y-%m-%d.csv", "x2026-11-22.csv", false },
		{ "%Y-%m-%d.csv", "", false },
		{ "100%%-%H", "100%-07", true },
		{ "100%%-%H", "100x-07", false },
		{ "out", "out", true },
		{ "out", "out.3", true },
		{ "out", "output", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (file_prune_fits(cases[i].template, cases[i].name) != cases[i].fits)
			fail_msg("%s, %s", cases[i].template, cases[i].name);
	assert_true(file_prune_has_dated_folder("/a/%Y/out"));
	assert_false(file_prune_has_dated_folder("/a/100%%/%Y"));
	assert_false(file_prune_has_dated_folder("%Y"));
}

/* A file of SIZE bytes, last written DAYS before the frozen clock. */
static void old_file(const struct file *f, const char *name, int size, int days)
{
	const time_t then = 1700000000 - (time_t)days * 24 * 3600;
	const struct timespec times[2] = { { .tv_sec = then }, { .tv_sec = then } };
	char path[300];

	snprintf(path, sizeof path, "%s/%s", f->temp.directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < size; i++)
		fputc('x', file);
	fclose(file);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static bool is_there(const struct file *f, const char *name)
{
	char path[300];

	snprintf(path, sizeof path, "%s/%s", f->temp.directory, name);
	return access(path, F_OK) == 0;
}

/* By RULE (an option) = VALUE; the kept ones of six files, as letters. */
static void expect_kept(const char *rule, int64_t value, const char *kept)
{
	static const char *const names[] = { "2023-11-10-07", "2023-11-11-07.2",
		"2023-11-11-07.1", "2023-11-12-07", "2023-11-01.mine", "notes" };
	char path[300];
	struct file f;

	file_begin(&f, 0, 0, 0);
	snprintf(path, sizeof path, "%s/%%Y-%%m-%%d-%%H", f.temp.directory);
	SET(&output_file, f.options, "path", const char *, path);
	SET(&output_file, f.options, rule, int64_t, value);
	for (int i = 0; i < 6; i++)
		old_file(&f, names[i], 1000, i == 5 ? 400 : 4 - i);
	file_put(&f, false);
	for (int i = 0; i < 6; i++)
		if (is_there(&f, names[i]) != (strchr(kept, 'a' + i) != NULL))
			fail_msg("%s = %lld: %s", rule, (long long)value, names[i]);
	assert_true(is_there(&f, "2023-11-15-05"));
	for (int i = 0; i < 7; i++) {
		snprintf(path, sizeof path, "%s/%s", f.temp.directory,
			i < 6 ? names[i] : "2023-11-15-05");
		unlink(path);
	}
	file_end(&f);
}

static void test_old_files_go(void **state)
{
	const int64_t day = 24 * 3600 * 1000;

	(void)state;
	clock_freeze(1700000000000, 0);
	expect_kept("keep_for", 0, "abcdef");
	expect_kept("keep_for", 10 * day, "abcdef");
	expect_kept("keep_for", 5 * day / 2, "cdef");
	expect_kept("keep_for", day / 2, "ef");
	expect_kept("keep_size", 100000, "abcdef");
	expect_kept("keep_size", 3500, "bcdef");
	expect_kept("keep_size", 2500, "cdef");
	expect_kept("keep_size", 1, "ef"); /* but never what is written to */
	/* A clock that nobody believes calls nothing old. */
	clock_pretend(false, "boot-1");
	expect_kept("keep_for", day / 2, "abcdef");
	clock_freeze_plainly();
	clock_simulate(0, 1);
}

/* --- http -------------------------------------------------------------------- */

static char *fixed(void *arg, size_t index, const struct server_request *request)
{
	(void)index, (void)request;
	return strdup(arg);
}

struct http {
	struct server server;
	char url[64];
	void *options;
	struct answer answer;
};

static void http_begin(struct http *h, const char *said)
{
	server_start(&h->server, fixed, (void *)said);
	snprintf(h->url, sizeof h->url, "http://127.0.0.1:%d/in", h->server.port);
	h->options = options_new(&output_http);
	SET(&output_http, h->options, "url", const char *, h->url);
	SET(&output_http, h->options, "timeout", int64_t, 2000);
	SET(&output_http, h->options, "body", const char *, "{\"reports\":[{records}]}");
}

/* One live report and one of the backlog. */
static void http_send_two(struct http *h)
{
	struct stored_report stored = make_report();
	struct buffer batch;
	char why[256];
	void *self = output_http.open(h->options, why, sizeof why);

	if (!self)
		fail_msg("%s", why);
	buffer_init(&batch, 4096);
	output_http.lane(self, false);
	output_http.encode(self, &stored, &batch);
	output_http.lane(self, true);
	output_http.encode(self, &stored, &batch);
	output_http.send(self, &batch, &h->answer);
	buffer_free(&batch);
	output_http.close(self);
}

static void http_end(struct http *h)
{
	free(h->options);
	server_stop(&h->server);
}

static const char no_content[] = "HTTP/1.1 204 No Content\r\n\r\n";

#define OBJECT(mark)                                                               \
	"{\"station\":\"Cầu \\\"Giấy\\\", 1\",\"sensor\":\"d\","               \
	"\"time\":\"2023-11-14T22:13:20+00:00\",\"status\":0," mark                \
	"\"readings\":{\"pm25\":{\"value\":35.2,\"unit\":\"µg/m³\",\"flag\":1}," \
	"\"pm10\":{\"value\":512,\"unit\":\"µg/m³\",\"flag\":4}}}"

static void test_http_objects(void **state)
{
	struct http h;

	(void)state;
	http_begin(&h, no_content);
	http_send_two(&h);
	assert_int_equal(h.answer.outcome, OUTCOME_DONE);
	const struct server_request *request = &h.server.requests[0];
	assert_int_equal(strncmp(request->head, "POST /in ", 9), 0);
	assert_string_equal(server_header(request, "Content-Type"), "application/json");
	assert_string_equal(request->body,
		"{\"reports\":[" OBJECT("") "," OBJECT("\"backlog\":true,") "]}");
	http_end(&h);
}

static void test_http_template(void **state)
{
	static const char *more[] = { "X-Box: roof" };
	char path[120];
	struct temp temp;
	struct http h;

	(void)state;
	temp_make(&temp);
	snprintf(path, sizeof path, "%s/header", temp.directory);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs("Authorization: Bearer abc\n", file);
	fclose(file);
	http_begin(&h, no_content);
	SET(&output_http, h.options, "method", int, 1);
	SET(&output_http, h.options, "header_file", const char *, path);
	SET(&output_http, h.options, "headers", struct option_strings,
		((struct option_strings){ .values = more, .count = 1 }));
	SET(&output_http, h.options, "body", const char *, "[{records}]");
	SET(&output_http, h.options, "template", const char *,
		"{\"s\":\"{station}/{sensor}\",\"{metric}\":{value},\"u\":\"{unit}\","
		"\"q\":{flag},\"t\":\"{time}\",\"ms\":{time_ms},\"b\":{backlog},\"x\":{}}");
	http_send_two(&h);
	const struct server_request *request = &h.server.requests[0];
	assert_int_equal(strncmp(request->head, "PUT /in ", 8), 0);
	assert_string_equal(server_header(request, "X-Box"), "roof");
	assert_string_equal(server_header(request, "Authorization"), "Bearer abc");
	/* A failed reading is no reading where nothing says that it failed. */
	assert_string_equal(request->body,
		"[{\"s\":\"Cầu \\\"Giấy\\\", 1/d\",\"pm25\":35.2,\"u\":\"µg/m³\",\"q\":1,"
		"\"t\":\"2023-11-14T22:13:20+00:00\",\"ms\":1700000000000,\"b\":false,\"x\":{}},"
		"{\"s\":\"Cầu \\\"Giấy\\\", 1/d\",\"pm25\":35.2,\"u\":\"µg/m³\",\"q\":1,"
		"\"t\":\"2023-11-14T22:13:20+00:00\",\"ms\":1700000000000,\"b\":true,\"x\":{}}]");
	http_end(&h);
	temp_remove(&temp);
}

static void test_http_refusal(void **state)
{
	char *said = server_answer(422, "", "{\"message\":\"no such station\"}");
	struct http h;

	(void)state;
	http_begin(&h, said);
	http_send_two(&h);
	assert_int_equal(h.answer.outcome, OUTCOME_REFUSED);
	assert_string_equal(h.answer.reason, "HTTP 422: no such station");
	http_end(&h);
	free(said);
}

static int set_up(void **state)
{
	(void)state;
	http_client_setup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_line_and_rotation),
		cmocka_unit_test(test_file_troubles),
		cmocka_unit_test(test_http_objects),
		cmocka_unit_test(test_http_template),
		cmocka_unit_test(test_http_refusal),
		cmocka_unit_test(test_path_names_the_day),
		cmocka_unit_test(test_names_that_fit),
		cmocka_unit_test(test_old_files_go),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
