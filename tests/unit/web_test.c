/* The HTTP server, asked over real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/unit/fake_gateway.h"
#include "core/listen.h"
#include "web/route.h"
#include "web/server.h"

static struct web *web;

/* --- a client ------------------------------------------------------------ */

static int dial(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)web_port(web)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval limit = { .tv_sec = 10 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

struct answer_text {
	struct buffer all;
	int status;
	const char *body;
	size_t body_length;
};

/* Everything until the server closes. */
static void read_answer(int fd, struct answer_text *answer)
{
	buffer_init(&answer->all, 16 << 20);
	for (;;) {
		char *room = buffer_reserve(&answer->all, 65536);
		assert_non_null(room);
		ssize_t n = recv(fd, room, 65536, 0);
		if (n < 0 && errno == ECONNRESET)
			break;
		assert_true(n >= 0);
		if (n == 0)
			break;
		buffer_advance(&answer->all, (size_t)n);
	}
	close(fd);
	const char *text = buffer_text(&answer->all);
	answer->status =
		strncmp(text, "HTTP/1.1 ", 9) == 0 ? (int)strtol(text + 9, NULL, 10) : 0;
	const char *end = strstr(text, "\r\n\r\n");
	answer->body = end ? end + 4 : "";
	answer->body_length = strlen(answer->body);
}

static void send_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
		if (n <= 0)
			return; /* the server may close on what it does not like */
		bytes += n;
		length -= (size_t)n;
	}
}

static void ask_raw(const char *bytes, size_t length, struct answer_text *answer)
{
	int fd = dial();

	send_all(fd, bytes, length);
	read_answer(fd, answer);
}

static void ask(const char *method, const char *target, const char *more,
	struct answer_text *answer)
{
	struct buffer request;

	buffer_init(&request, 1 << 20);
	buffer_printf(&request,
		"%s %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\n%s\r\n", method,
		target, more);
	ask_raw(request.data, request.length, answer);
	buffer_free(&request);
}

static void get(const char *target, struct answer_text *answer)
{
	ask("GET", target, "", answer);
}

static int status_of(const char *method, const char *target)
{
	struct answer_text answer;

	ask(method, target, "", &answer);
	buffer_free(&answer.all);
	return answer.status;
}

static bool has(const struct answer_text *answer, const char *text)
{
	return strstr(buffer_text(&answer->all), text) != NULL;
}

static bool has_header(const struct answer_text *answer, const char *line)
{
	const char *at = strstr(buffer_text(&answer->all), line);

	return at && at < answer->body;
}

/* --- set up ---------------------------------------------------------------- */

static const char hostile[] = "<script>alert('x')</script>\"&\n\x1b[31m";

static int set_up(void **state)
{
	char why[256];

	(void)state;
	fake_start();
	fake_sensor("dust", "HN-CG-01", 600000);
	fake_report("HN-CG-01", "dust", METRIC_PM25, 35.2, FLAG_GOOD, 5000);
	fake_report("HN-CG-01", "dust", METRIC_PM10, 512, FLAG_FAIL, 5000);
	fake_report("HN-CG-01", "dust", METRIC_PM1, 7, FLAG_SUSPECT, 3 * 3600 * 1000);
	fake_report(
		"HN-BD-02", "nodes", METRIC_TEMPERATURE, -0.04, FLAG_NOT_EVALUATED, 1000);
	atomic_store(&fake_recorder.last_report_ms, fake_now_ms - 5000);
	web = web_start("127.0.0.1:0", &fake_view, why, sizeof why);
	assert_non_null(web);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	web_stop(web);
	fake_stop();
	return 0;
}

/* --- what is served ---------------------------------------------------------- */

static void test_page(void **state)
{
	struct answer_text answer;

	(void)state;
	get("/", &answer);
	assert_int_equal(answer.status, 200);
	assert_true(has_header(&answer, "Content-Type: text/html; charset=utf-8\r\n"));
	assert_true(has_header(&answer, "Content-Security-Policy: default-src 'self'"));
	assert_true(has_header(&answer, "X-Content-Type-Options: nosniff\r\n"));
	assert_true(has_header(&answer, "Referrer-Policy: no-referrer\r\n"));
	assert_false(has_header(&answer, "Access-Control-Allow-Origin"));
	assert_true(has(&answer, "<html lang=\"vi\""));
	assert_true(has(&answer, "<span class=\"name\">Cầu Giấy</span>"));
	assert_true(has(&answer, "<b>35,2</b> <span class=\"unit\">µg/m³</span>"));
	assert_false(has(&answer, "style="));
	/* Its own station comes first. */
	assert_true(strstr(answer.body, "Cầu Giấy</span>") <
		strstr(answer.body, "href=\"/stations/HN-BD-02\""));
	buffer_free(&answer.all);
}

static void test_page_of_a_station(void **state)
{
	struct answer_text answer;

	(void)state;
	get("/stations/HN-CG-01", &answer);
	assert_int_equal(answer.status, 200);
	assert_true(has(&answer, "<h1>Cầu Giấy</h1>"));
	assert_true(has(&answer, "<b>35,2</b> <span class=\"unit\">µg/m³</span>"));
	assert_true(has(&answer, "<li class=\"value bad\">"));
	assert_true(has(&answer, "<li class=\"value stale doubtful\">"));
	assert_true(has(&answer, "3 giờ trước"));
	assert_false(has(&answer, "style="));
	buffer_free(&answer.all);
	get("/stations/HN-BD-02", &answer);
	assert_true(has(&answer, "<b>0,0</b> <span class=\"unit\">°C</span>"));
	buffer_free(&answer.all);
	assert_int_equal(status_of("GET", "/stations/HN-XX-99"), 404);

	get("/stations/HN-CG-01?lang=en", &answer);
	assert_int_equal(answer.status, 200);
	assert_true(has(&answer, "<html lang=\"en\""));
	assert_true(has(&answer, "<b>35.2</b>"));
	assert_true(has(&answer, "Fine dust PM2.5"));
	buffer_free(&answer.all);
}

static void test_assets(void **state)
{
	static const char *const names[] = { "/style.css", "/page.js" };
	struct answer_text page, answer;
	char etag[64] = "", more[128];

	(void)state;
	get("/", &page);
	for (size_t i = 0; i < 2; i++) {
		/* The page links each under an address that changes with the files. */
		static const char below[] = "\"/assets/0123456789abcdef";
		char link[64];
		const char *at = strstr(page.body, "\"/assets/");
		while (at && strncmp(at + strlen(below), names[i], strlen(names[i])) != 0)
			at = strstr(at + 1, "\"/assets/");
		assert_non_null(at);
		snprintf(link, sizeof link, "%.*s", (int)strcspn(at + 1, "\""), at + 1);
		get(link, &answer);
		assert_int_equal(answer.status, 200);
		assert_true(answer.body_length > 100);
		assert_true(has_header(&answer, "immutable"));
		buffer_free(&answer.all);
	}
	buffer_free(&page.all);

	/* What others link, too, keeps its address, and is asked for by its tag. */
	get("/icon.svg", &answer);
	const char *tag = strstr(buffer_text(&answer.all), "ETag: ");
	assert_non_null(tag);
	snprintf(etag, sizeof etag, "%.18s", tag + 6);
	assert_false(has_header(&answer, "immutable"));
	buffer_free(&answer.all);
	snprintf(more, sizeof more, "If-None-Match: %s\r\n", etag);
	ask("GET", "/icon.svg", more, &answer);
	assert_int_equal(answer.status, 304);
	assert_string_equal(answer.body, "");
	assert_true(has_header(&answer, "Cache-Control: no-cache"));
	buffer_free(&answer.all);
	ask("GET", "/icon.svg", "If-None-Match: \"0\"\r\n", &answer);
	assert_int_equal(answer.status, 200);
	buffer_free(&answer.all);
}

static const cJSON *member(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	assert_non_null(item);
	return item;
}

static void test_stations(void **state)
{
	struct answer_text answer;

	(void)state;
	get("/api/v1/stations", &answer);
	assert_int_equal(answer.status, 200);
	assert_true(has_header(&answer, "Content-Type: application/json\r\n"));
	assert_true(has_header(&answer, "Access-Control-Allow-Origin: *\r\n"));
	cJSON *all = cJSON_Parse(answer.body);
	assert_int_equal(cJSON_GetArraySize(all), 2);

	const cJSON *own = cJSON_GetArrayItem(all, 0);
	assert_string_equal(member(own, "id")->valuestring, "HN-CG-01");
	assert_string_equal(member(own, "name")->valuestring, "Cầu Giấy");
	assert_string_equal(member(own, "area")->valuestring, "hn-cau-giay");
	assert_true(fabs(member(own, "latitude")->valuedouble - 21.0362) < 1e-9);
	assert_string_equal(
		member(own, "time")->valuestring, "2026-11-22T09:29:55+07:00");
	const cJSON *sensor = cJSON_GetArrayItem(member(own, "sensors"), 0);
	assert_string_equal(member(sensor, "name")->valuestring, "dust");
	bool seen = false;
	const cJSON *value;
	cJSON_ArrayForEach(value, member(sensor, "values"))
	{
		if (strcmp(member(value, "metric")->valuestring, "pm1") != 0)
			continue;
		seen = true;
		assert_true(member(value, "value")->valuedouble == 7);
		assert_string_equal(member(value, "unit")->valuestring, "µg/m³");
		assert_string_equal(
			member(value, "time")->valuestring, "2026-11-22T06:30:00+07:00");
		assert_int_equal(member(value, "flag")->valueint, 3);
	}
	assert_true(seen);

	const cJSON *other = cJSON_GetArrayItem(all, 1);
	assert_string_equal(member(other, "id")->valuestring, "HN-BD-02");
	assert_string_equal(member(other, "name")->valuestring, "HN-BD-02");
	assert_true(cJSON_IsNull(member(other, "area")));
	assert_true(cJSON_IsNull(member(other, "latitude")));
	cJSON_Delete(all);
	buffer_free(&answer.all);
}

static void test_one_station(void **state)
{
	struct answer_text answer;

	(void)state;
	get("/api/v1/stations/HN-BD-02", &answer);
	assert_int_equal(answer.status, 200);
	cJSON *station = cJSON_Parse(answer.body);
	assert_string_equal(member(station, "id")->valuestring, "HN-BD-02");
	cJSON_Delete(station);
	buffer_free(&answer.all);

	get("/api/v1/stations/HN%2dBD%2D02?x=%zz&lang=%00en&a=b", &answer);
	assert_int_equal(answer.status, 200);
	buffer_free(&answer.all);

	get("/api/v1/stations/nobody", &answer);
	assert_int_equal(answer.status, 404);
	assert_true(has_header(&answer, "Content-Type: application/problem+json\r\n"));
	assert_true(has_header(&answer, "Access-Control-Allow-Origin: *\r\n"));
	cJSON *problem = cJSON_Parse(answer.body);
	assert_int_equal(member(problem, "status")->valueint, 404);
	assert_string_equal(member(problem, "title")->valuestring, "Not Found");
	assert_true(strlen(member(problem, "detail")->valuestring) > 5);
	cJSON_Delete(problem);
	buffer_free(&answer.all);
}

static void test_hostile_names(void **state)
{
	struct answer_text answer;

	(void)state;
	fake_report(hostile, hostile, METRIC_PM25, 1, FLAG_GOOD, 0);
	fake_config.station.name = hostile;
	get("/", &answer);
	assert_int_equal(answer.status, 200);
	assert_false(has(&answer, "<script>alert"));
	assert_false(has(&answer, "\x1b"));
	assert_true(has(&answer,
		"&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62;&#34;&#38;"));
	buffer_free(&answer.all);

	get("/stations?lang=en", &answer);
	assert_int_equal(answer.status, 200);
	assert_false(has(&answer, "<script>alert"));
	assert_true(has(&answer, "href=\"/stations/%3Cscript%3Ealert"));
	buffer_free(&answer.all);

	get("/api/v1/stations", &answer);
	cJSON *all = cJSON_Parse(answer.body);
	assert_int_equal(cJSON_GetArraySize(all), 3);
	bool seen = false;
	const cJSON *station;
	cJSON_ArrayForEach(station, all) seen =
		seen || strcmp(member(station, "id")->valuestring, hostile) == 0;
	assert_true(seen);
	cJSON_Delete(all);
	buffer_free(&answer.all);

	get("/metrics", &answer);
	assert_true(
		has(&answer, "station=\"<script>alert('x')</script>\\\"&\\n\x1b[31m\""));
	buffer_free(&answer.all);
}

static void test_health(void **state)
{
	struct answer_text answer;

	(void)state;
	get("/healthz", &answer);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "Data moves: the newest report is 5 s old.\n");
	assert_true(has_header(&answer, "Cache-Control: no-store\r\n"));
	buffer_free(&answer.all);

	atomic_store(&fake_recorder.last_report_ms, fake_now_ms - 601000);
	get("/healthz", &answer);
	assert_int_equal(answer.status, 503);
	assert_non_null(strstr(answer.body, "10 min old, the limit is 10 min"));
	buffer_free(&answer.all);
}

static void test_replies_are_shared_for_a_second(void **state)
{
	struct answer_text first, second;

	(void)state;
	get("/api/v1/stations", &first);
	fake_report("HN-XX-03", "x", METRIC_PM25, 1, FLAG_GOOD, 0);
	get("/api/v1/stations", &second);
	assert_string_equal(first.body, second.body);
	buffer_free(&second.all);
	usleep(1100 * 1000);
	get("/api/v1/stations", &second);
	assert_non_null(strstr(second.body, "HN-XX-03"));
	buffer_free(&first.all);
	buffer_free(&second.all);
}

/* --- what is refused ----------------------------------------------------------- */

static void test_head(void **state)
{
	struct answer_text answer, whole;
	char length[64];

	(void)state;
	get("/icon.svg", &whole);
	ask("HEAD", "/icon.svg", "", &answer);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "");
	snprintf(length, sizeof length, "Content-Length: %zu\r\n", whole.body_length);
	assert_true(has_header(&answer, length));
	buffer_free(&whole.all);
	buffer_free(&answer.all);
	assert_int_equal(status_of("HEAD", "/"), 200);
	assert_int_equal(status_of("HEAD", "/nothing"), 404);
}

static void test_other_methods(void **state)
{
	static const char *const methods[] = { "POST", "PUT", "DELETE", "PATCH", "TRACE",
		"BREW" };
	struct answer_text answer;

	(void)state;
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		ask(methods[i], "/api/v1/stations", "", &answer);
		assert_int_equal(answer.status, 405);
		assert_true(has_header(&answer, "Allow: GET, HEAD, OPTIONS\r\n"));
		assert_true(has_header(&answer, "application/problem+json"));
		buffer_free(&answer.all);
	}
	ask("POST", "/", "Content-Length: 1000000000\r\n", &answer);
	assert_int_equal(answer.status, 405);
	assert_true(has_header(&answer, "text/plain"));
	buffer_free(&answer.all);
	ask("GET", "/", "Content-Length: 1000000000\r\n", &answer);
	assert_int_equal(answer.status, 413);
	buffer_free(&answer.all);
	assert_int_equal(status_of("POST", "/nothing"), 404);
}

static void test_paths(void **state)
{
	static const char *const paths[] = { "/nothing", "//", "/api",
		"/api/v1/stations/", "/api/v1/stations//", "/api/v1/stations/a/b",
		"/../etc/passwd", "/style.css/../../etc/passwd", "/%2e%2e/etc/passwd",
		"/api/v1/stations/%2e%2e%2f", "/style.css%00.html", "/healthz%00",
		"/api/v1/stations/HN-CG-01%00", "/api/v1/stations/%",
		"/api/v1/stations/%4", "/api/v1/stations/%zz", "/api/v1/stations/%ff%fe",
		"/api/v1/stations/%0a", "/api/v1/stations/%c0%ae", "/Style.css",
		"/metrics/", "/api/v1/stations/HN+CG" };

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct answer_text answer;
		get(paths[i], &answer);
		if (answer.status != 404)
			print_error("%s: %d\n", paths[i], answer.status);
		assert_int_equal(answer.status, 404);
		assert_true(has_header(&answer, "X-Content-Type-Options: nosniff\r\n"));
		assert_false(has(&answer, "root:"));
		buffer_free(&answer.all);
	}
}

static void test_long_requests(void **state)
{
	static char text[20000];
	struct answer_text answer;

	(void)state;
	/* longer than a path may be, shorter than the connection's memory */
	memset(text, 'a', 3000);
	text[0] = '/';
	text[3000] = '\0';
	assert_int_equal(status_of("GET", text), 404);

	memset(text, 'a', 10000);
	text[0] = '/';
	text[10000] = '\0';
	int status = status_of("GET", text);
	assert_true(status == 414 || status == 431);

	memset(text, 'b', 10000);
	memcpy(text, "X-Long: ", 8);
	memcpy(text + 10000, "\r\n", 3);
	ask("GET", "/healthz", text, &answer);
	assert_true(answer.status == 431 || answer.status == 413);
	buffer_free(&answer.all);
	assert_int_equal(status_of("GET", "/healthz"), 200);
}

static void test_garbage(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} garbage[] = {
		{ "\0\0\0\0\r\n\r\n", 8 },
		{ "GET\r\n\r\n", 7 },
		{ "GET / HTTP/9.9\r\nHost: t\r\n\r\n", 27 },
		{ "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15 },
		{ "GET /nothing\0x HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
			55 },
		{ "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\nA\0B: c\r\n\r\n",
			54 },
		{ "GET / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n"
		  "Connection: close\r\n\r\nzz\r\n",
			77 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
		struct timeval limit = { .tv_usec = 200 * 1000 };
		char answer[16] = "";
		int fd = dial();
		send_all(fd, garbage[i].bytes, garbage[i].length);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
		/* A refusal or nothing, but no page out of a broken request. */
		if (recv(fd, answer, sizeof answer - 1, MSG_WAITALL) > 0)
			assert_string_not_equal(answer, "HTTP/1.1 200 OK");
		close(fd);
		assert_int_equal(status_of("GET", "/healthz"), 200);
	}
}

static void test_slow_clients_block_nobody(void **state)
{
	enum { SLOW = 40 };
	int slow[SLOW];

	(void)state;
	for (int i = 0; i < SLOW; i++) {
		slow[i] = dial();
		send_all(slow[i], "GET / HTTP/1.1\r\nHost", 20);
	}
	int64_t before = clock_real_ms();
	for (int i = 0; i < 10; i++)
		assert_int_equal(status_of("GET", "/healthz"), 200);
	assert_true(clock_real_ms() - before < 2000);
	for (int i = 0; i < SLOW; i++)
		close(slow[i]);
}

static void test_reader_that_stops(void **state)
{
	struct answer_text answer;

	(void)state;
	/* Enough stations that an answer does not fit into the sockets' buffers. */
	for (int i = 0; i < 3000; i++) {
		char station[32];
		snprintf(station, sizeof station, "S-%06d", i);
		for (uint16_t metric = METRIC_PM1; metric <= METRIC_NOX; metric++)
			fake_report(station, "dust", metric, i, FLAG_GOOD, 0);
	}
	int fd = dial();
	send_all(fd, "GET /api/v1/stations HTTP/1.1\r\nHost: t\r\n\r\n", 42);
	usleep(100 * 1000);
	get("/api/v1/stations", &answer);
	assert_int_equal(answer.status, 200);
	assert_true(answer.body_length > 1000000);
	assert_true(has_header(&answer, "?limit=1000&cursor=S-000997>; rel=\"next\""));
	cJSON *all = cJSON_Parse(answer.body);
	assert_int_equal(cJSON_GetArraySize(all), 1000);
	cJSON_Delete(all);
	buffer_free(&answer.all);
	get("/api/v1/stations/S-000777", &answer);
	assert_int_equal(answer.status, 200);
	buffer_free(&answer.all);
	close(fd);
}

/* The ids of all stations, page by page; how many. */
static int read_pages(const char *first, size_t most)
{
	char target[256];
	int count = 0;

	snprintf(target, sizeof target, "%s", first);
	while (*target) {
		struct answer_text answer;
		get(target, &answer);
		assert_int_equal(answer.status, 200);
		assert_true(answer.body_length < most);
		cJSON *all = cJSON_Parse(answer.body);
		assert_true(cJSON_GetArraySize(all) > 0);
		count += cJSON_GetArraySize(all);
		cJSON_Delete(all);
		const char *link = strstr(buffer_text(&answer.all), "\r\nLink: <");
		if (link && link < answer.body)
			snprintf(target, sizeof target, "%.*s",
				(int)strcspn(link + 9, ">"), link + 9);
		else
			target[0] = '\0';
		buffer_free(&answer.all);
	}
	return count;
}

static void test_pages(void **state)
{
	(void)state;
	assert_int_equal(read_pages("/api/v1/stations?limit=1", 4000), 2);
	for (int i = 0; i < 4000; i++) {
		char station[32];
		snprintf(station, sizeof station, "S-%06d", i);
		for (uint16_t metric = METRIC_PM1; metric <= METRIC_RAIN_DAY; metric++)
			fake_report(station, "a sensor", metric, i + 0.125, FLAG_GOOD, 0);
	}
	/* A page also ends by its weight, before it would be too large to be sent. */
	assert_int_equal(read_pages("/api/v1/stations", 5 << 20), 4002);
	assert_int_equal(read_pages("/api/v1/stations?fields=summary", 1 << 20), 4002);
	assert_int_equal(status_of("GET", "/api/v1/stations?limit=0"), 400);
	assert_int_equal(status_of("GET", "/api/v1/stations?limit=1001"), 400);
	assert_int_equal(status_of("GET", "/api/v1/stations?fields=all"), 400);
	assert_int_equal(status_of("GET", "/api/v1/stations?near=21.0,105.8"), 200);
}

static void test_options(void **state)
{
	struct answer_text answer;

	(void)state;
	ask("OPTIONS", "/api/v1/stations", "Origin: https://x\r\n", &answer);
	assert_int_equal(answer.status, 204);
	assert_true(has_header(&answer, "Allow: GET, HEAD, OPTIONS\r\n"));
	assert_true(has_header(&answer, "Access-Control-Allow-Methods: GET, HEAD"));
	buffer_free(&answer.all);
	ask("OPTIONS", "/", "", &answer);
	assert_int_equal(answer.status, 204);
	assert_false(has_header(&answer, "Access-Control-"));
	buffer_free(&answer.all);
}

static void test_accept(void **state)
{
	static const char *const types[] = { "application/json", "text/csv", NULL };

	(void)state;
	assert_int_equal(web_accept(NULL, types), 0);
	assert_int_equal(web_accept("", types), 0);
	assert_int_equal(web_accept("*/*", types), 0);
	assert_int_equal(web_accept("text/csv", types), 1);
	assert_int_equal(web_accept("text/*", types), 1);
	assert_int_equal(web_accept("TEXT/CSV;header=present", types), 1);
	assert_int_equal(web_accept("text/html, application/json;q=0.3", types), 0);
	assert_int_equal(web_accept("application/json;q=0.3, text/csv; q=0.5", types), 1);
	assert_int_equal(web_accept("*/*;q=0.5, application/json;q=0", types), 1);
	assert_int_equal(web_accept("text/html", types), -1);
	assert_int_equal(web_accept("text/csv;q=0", types), -1);
	assert_int_equal(web_accept("application/jsonx", types), -1);
	assert_int_equal(web_accept("a,;q=,,;;text/csv;q=7", types), -1);
	assert_int_equal(status_of("GET", "/api/v1/stations"), 200);

	struct answer_text answer;
	ask("GET", "/api/v1/stations", "Accept: text/csv\r\n", &answer);
	assert_int_equal(answer.status, 406);
	assert_true(has_header(&answer, "application/problem+json"));
	buffer_free(&answer.all);
}

static void test_tags(void **state)
{
	static const char *const targets[] = { "/api/v1/stations",
		"/api/v1/stations?fields=summary", "/api/v1/stations/HN-CG-01" };

	(void)state;
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		struct answer_text answer;
		char known[80];
		get(targets[i], &answer);
		const char *tag = strstr(buffer_text(&answer.all), "\r\nETag: ");
		assert_non_null(tag);
		assert_true(has_header(&answer, "Vary: Accept-Encoding"));
		snprintf(known, sizeof known, "If-None-Match: \"x\", %.*s\r\n",
			(int)strcspn(tag + 8, "\r"), tag + 8);
		buffer_free(&answer.all);
		ask("GET", targets[i], known, &answer);
		assert_int_equal(answer.status, 304);
		assert_string_equal(answer.body, "");
		assert_true(has_header(&answer, "ETag: W/"));
		buffer_free(&answer.all);
		ask("GET", targets[i], "If-None-Match: \"x\"\r\n", &answer);
		assert_int_equal(answer.status, 200);
		buffer_free(&answer.all);
	}
}

static void test_many_connections(void **state)
{
	enum { MANY = 60 };
	int fds[MANY];
	const char request[] =
		"GET /healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < MANY; i++)
			fds[i] = dial();
		for (int i = 0; i < MANY; i++)
			send_all(fds[i], request, sizeof request - 1);
		for (int i = 0; i < MANY; i++) {
			struct answer_text answer;
			read_answer(fds[i], &answer);
			assert_int_equal(answer.status, 200);
			buffer_free(&answer.all);
		}
	}
	/* Beyond the limit of one address the server refuses, and recovers. */
	for (int i = 0; i < MANY; i++)
		fds[i] = dial();
	for (int i = 0; i < 100; i++)
		close(dial());
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	usleep(100 * 1000);
	assert_int_equal(status_of("GET", "/healthz"), 200);
}

static void test_keep_alive(void **state)
{
	const char request[] = "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"
			       "GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n"
			       "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
	struct answer_text answer;
	int count = 0;

	(void)state;
	ask_raw(request, sizeof request - 1, &answer);
	for (const char *at = buffer_text(&answer.all); (at = strstr(at, "HTTP/1.1 200"));
		at++)
		count++;
	assert_int_equal(count, 3);
	buffer_free(&answer.all);
}

/* --- its parts --------------------------------------------------------------- */

static void test_listen(void **state)
{
	static const char *const wrong[] = { "", ":", "8080", ":8080", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:x", "127.0.0.1:80 ", "127.0.0.1:-1",
		"127.0.0.1:65536", "127.0.0.1:999999", "::1:8080", "[::1]", "[::1]8080",
		"[:8080", "[]:8080", "nowhere.example:80", "300.0.0.1:80",
		"[127.0.0.1:80" };
	char why[256], taken[32];

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		why[0] = '\0';
		assert_int_equal(listen_open(wrong[i], why, sizeof why), -1);
		assert_true(strlen(why) > 10);
	}
	snprintf(taken, sizeof taken, "127.0.0.1:%d", web_port(web));
	assert_null(web_start(taken, &fake_view, why, sizeof why));
	assert_non_null(strstr(why, "Address already in use"));
	assert_non_null(strstr(why, taken));

	int fd = listen_open("localhost:0", why, sizeof why);
	assert_true(fd >= 0);
	assert_true(listen_port(fd) > 0);
	close(fd);
	fd = listen_open("[::1]:0", why, sizeof why);
	if (fd >= 0) { /* where the machine has IPv6 */
		assert_true(listen_port(fd) > 0);
		close(fd);
	}
}

static void test_decode(void **state)
{
	char out[8];

	(void)state;
	assert_true(web_decode("a%20b", 5, out, sizeof out));
	assert_string_equal(out, "a b");
	assert_true(web_decode("%C3%A0", 6, out, sizeof out));
	assert_string_equal(out, "à");
	assert_true(web_decode("", 0, out, sizeof out));
	assert_string_equal(out, "");
	assert_true(web_decode("1234567", 7, out, sizeof out));
	assert_false(web_decode("12345678", 8, out, sizeof out));
	assert_false(web_decode("%", 1, out, sizeof out));
	assert_false(web_decode("%4", 2, out, sizeof out));
	assert_false(web_decode("%41", 2, out, sizeof out)); /* cut by the length */
	assert_false(web_decode("%g0", 3, out, sizeof out));
	assert_false(web_decode("%00", 3, out, sizeof out));
	assert_false(web_decode("%0a", 3, out, sizeof out));
	assert_false(web_decode("%7f", 3, out, sizeof out));
	assert_false(web_decode("%80", 3, out, sizeof out));
	assert_false(web_decode("a", 1, out, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_page, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_page_of_a_station, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_assets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stations, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_station, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_health, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_replies_are_shared_for_a_second, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_head, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_methods, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_paths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_requests, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_garbage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_slow_clients_block_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_reader_that_stops, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_options, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_accept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tags, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_connections, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keep_alive, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_listen, set_up, tear_down),
		cmocka_unit_test(test_decode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
