#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <microhttpd.h>
#include <spawn.h>
#include <sys/wait.h>

#include "core/clock.h"
#include "core/http_client.h"
#include "tests/unit/scripted_server.h"

extern char **environ;

/* One answer for every request; "" and NULL as the server has it. */
static char *fixed(void *arg, size_t index, const struct server_request *request)
{
	(void)index, (void)request;
	return arg ? strdup(arg) : NULL;
}

struct exchange {
	struct server server;
	struct http_client *client;
	struct answer answer;
	char url[256];
};

static void begin(
	struct exchange *x, const char *said, const struct http_settings *settings)
{
	server_start(&x->server, fixed, (void *)said);
	x->client = http_client_new(settings);
	assert_non_null(x->client);
	snprintf(x->url, sizeof x->url, "http://127.0.0.1:%d/in", x->server.port);
}

static void post(struct exchange *x, const char *body)
{
	http_post(x->client, x->url, NULL, body, strlen(body), NULL, &x->answer);
}

static void end(struct exchange *x)
{
	http_client_free(x->client);
	server_stop(&x->server);
}

static const struct http_settings plain = { .timeout_ms = 3000 };

static void test_request(void **state)
{
	static const char *const headers[] = { "Content-Type: text/plain", "X-One: 1",
		NULL };
	struct exchange x;
	struct buffer response;

	(void)state;
	begin(&x, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", &plain);
	buffer_init(&response, 4);
	http_post(x.client, x.url, headers, "hello", 5, &response, &x.answer);
	assert_int_equal(x.answer.outcome, OUTCOME_DONE);
	assert_int_equal(x.answer.status, 200);
	assert_string_equal(x.answer.reason, "");
	assert_int_equal(x.answer.retry_after_ms, -1);
	assert_false(x.answer.maybe_taken);
	assert_string_equal(buffer_text(&response), "0123");
	assert_false(response.failed);
	const struct server_request *request = &x.server.requests[0];
	assert_int_equal(strncmp(request->head, "POST /in HTTP/1.1\r\n", 19), 0);
	assert_string_equal(request->body, "hello");
	assert_string_equal(server_header(request, "Content-Type"), "text/plain");
	assert_string_equal(server_header(request, "X-One"), "1");
	assert_string_equal(server_header(request, "Expect"), "");
	assert_string_equal(server_header(request, "Authorization"), "");
	/* A large body has no Expect either, and the connection is used again. */
	char *large = calloc(1, 1024 * 1024 + 1);
	memset(large, 'x', 1024 * 1024);
	post(&x, large);
	assert_int_equal(x.answer.outcome, OUTCOME_DONE);
	assert_int_equal(x.server.requests[1].length, 1024 * 1024);
	assert_string_equal(server_header(&x.server.requests[1], "Expect"), "");
	assert_string_equal(server_header(&x.server.requests[1], "Content-Type"), "");
	post(&x, "");
	assert_int_equal(x.server.requests[2].length, 0);
	assert_int_equal(atomic_load(&x.server.connections), 1);
	free(large);
	buffer_free(&response);
	end(&x);
}

static void test_authentication(void **state)
{
	static const char ok[] = "HTTP/1.1 204 No Content\r\n\r\n";
	struct exchange x;

	(void)state;
	begin(&x, ok, &(struct http_settings){ .username = "u", .password = "p" });
	post(&x, "b");
	assert_string_equal(
		server_header(&x.server.requests[0], "Authorization"), "Basic dTpw");
	end(&x);
	begin(&x, ok, &(struct http_settings){ .bearer = "abc" });
	post(&x, "b");
	assert_string_equal(
		server_header(&x.server.requests[0], "Authorization"), "Bearer abc");
	end(&x);
}

static void expect_reason(
	int status, const char *body, enum outcome outcome, const char *reason)
{
	char *said = server_answer(status, "", body);
	struct exchange x;

	begin(&x, said, &plain);
	post(&x, "b");
	assert_int_equal(x.answer.status, status);
	assert_int_equal(x.answer.outcome, outcome);
	assert_string_equal(x.answer.reason, reason);
	assert_false(x.answer.maybe_taken);
	end(&x);
	free(said);
}

static void test_reasons(void **state)
{
	(void)state;
	expect_reason(
		400, "{\"error\":\"bad\\nline\"}", OUTCOME_REFUSED, "HTTP 400: bad line");
	expect_reason(422, "{\"code\":\"x\",\"message\":\"too old\"}", OUTCOME_REFUSED,
		"HTTP 422: too old");
	expect_reason(429, "{\"error\":{\"code\":429,\"message\":\"slow down\"}}",
		OUTCOME_RETRY, "HTTP 429: slow down");
	expect_reason(503, "", OUTCOME_RETRY, "HTTP 503");
	expect_reason(404, "gone \x1b[31mred\x01\r\n\r\nnext", OUTCOME_HELD,
		"HTTP 404: gone [31mred next");
	expect_reason(400, "{\"error\":", OUTCOME_REFUSED, "HTTP 400: {\"error\":");
	expect_reason(400, "{\"error\":7}", OUTCOME_REFUSED, "HTTP 400: {\"error\":7}");
	expect_reason(403, "see https://user:pw@host/a/b?token=s3cret#x, or ask",
		OUTCOME_HELD, "HTTP 403: see https://host/a/b or ask");
	expect_reason(
		403, "(http://u@h?q) Bụi", OUTCOME_HELD, "HTTP 403: (http://h) Bụi");
	expect_reason(301, "moved", OUTCOME_HELD, "HTTP 301: moved");
}

static void test_long_answers_are_cut(void **state)
{
	char *body = malloc(300001), *said;
	struct exchange x;

	(void)state;
	/* Three bytes each: the cut must not leave half a character. */
	for (size_t i = 0; i < 100000; i++)
		memcpy(body + 3 * i, "ụ", 3);
	body[300000] = '\0';
	said = server_answer(400, "", body);
	begin(&x, said, &plain);
	post(&x, "b");
	assert_int_equal(x.answer.outcome, OUTCOME_REFUSED);
	assert_in_range(strlen(x.answer.reason), 200, 220);
	assert_int_equal((strlen(x.answer.reason) - strlen("HTTP 400: ")) % 3, 0);
	end(&x);
	free(said);
	free(body);
}

static void expect_retry_after(const char *headers, int64_t least, int64_t most)
{
	char *said = server_answer(503, headers, "busy");
	struct exchange x;

	begin(&x, said, &plain);
	post(&x, "b");
	assert_int_equal(x.answer.outcome, OUTCOME_RETRY);
	assert_true(x.answer.retry_after_ms >= least);
	assert_true(x.answer.retry_after_ms <= most);
	end(&x);
	free(said);
}

static void test_retry_after(void **state)
{
	char date[128];
	time_t later = time(NULL) + 100;
	struct tm parts;

	(void)state;
	expect_retry_after("", -1, -1);
	expect_retry_after("Retry-After: 7\r\n", 7000, 7000);
	expect_retry_after("Retry-After: 0\r\n", 0, 0);
	expect_retry_after("retry-after:  12  \r\n", 12000, 12000);
	expect_retry_after("Retry-After: soon\r\n", -1, -1);
	expect_retry_after("Retry-After: -5\r\n", -1, -1);
	expect_retry_after("Retry-After: 99999999999999999999\r\n", INT64_MAX, INT64_MAX);
	/* By the far side's own clock, however wrong ours is. */
	expect_retry_after("Date: Wed, 21 Oct 2015 07:28:00 GMT\r\n"
			   "Retry-After: Wed, 21 Oct 2015 07:28:30 GMT\r\n",
		30000, 30000);
	expect_retry_after("Retry-After: Wed, 21 Oct 2015 07:28:30 GMT\r\n", 0, 0);
	gmtime_r(&later, &parts);
	strftime(date, sizeof date, "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
	expect_retry_after(date, 95000, 100000);
}

static void test_no_connection(void **state)
{
	struct exchange x;
	struct answer answer;

	(void)state;
	begin(&x, "", &plain);
	end(&x); /* nobody listens there now */
	struct http_client *client = http_client_new(&plain);
	http_post(client, x.url, NULL, "b", 1, NULL, &answer);
	assert_int_equal(answer.outcome, OUTCOME_RETRY);
	assert_int_equal(answer.status, 0);
	assert_false(answer.maybe_taken);
	assert_non_null(strstr(answer.reason, "connect"));
	http_post(client, "http://no-such-host.invalid/?token=s3cret", NULL, "b", 1, NULL,
		&answer);
	assert_int_equal(answer.outcome, OUTCOME_RETRY);
	assert_false(answer.maybe_taken);
	assert_null(strstr(answer.reason, "s3cret"));
	http_post(client, "file:///etc/hostname", NULL, "b", 1, NULL, &answer);
	assert_int_equal(answer.outcome, OUTCOME_RETRY);
	assert_int_equal(answer.status, 0);
	assert_non_null(strstr(answer.reason, "rotocol"));
	http_client_free(client);
}

static void test_cut_and_silent_connections(void **state)
{
	struct exchange x;

	(void)state;
	begin(&x, "", &plain); /* cut without an answer */
	post(&x, "b");
	assert_int_equal(x.answer.outcome, OUTCOME_RETRY);
	assert_int_equal(x.answer.status, 0);
	assert_true(x.answer.maybe_taken);
	assert_true(*x.answer.reason != '\0');
	end(&x);

	begin(&x, NULL, &(struct http_settings){ .timeout_ms = 300 });
	int64_t start = clock_real_ms();
	post(&x, "b");
	assert_in_range(clock_real_ms() - start, 250, 2000);
	assert_int_equal(x.answer.outcome, OUTCOME_RETRY);
	assert_true(x.answer.maybe_taken);
	end(&x);

	/* Half a status line is no word. */
	begin(&x, "HTTP/1.1 20", &(struct http_settings){ .timeout_ms = 300 });
	post(&x, "b");
	assert_int_equal(x.answer.outcome, OUTCOME_RETRY);
	assert_true(x.answer.maybe_taken);
	end(&x);

	/* The headers are: what comes of the body does not matter any more. */
	begin(&x, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
		&(struct http_settings){ .timeout_ms = 300 });
	post(&x, "b");
	assert_int_equal(x.answer.outcome, OUTCOME_DONE);
	assert_int_equal(x.answer.status, 200);
	end(&x);
	begin(&x, "HTTP/1.1 100 Continue\r\n\r\n",
		&(struct http_settings){ .timeout_ms = 300 });
	post(&x, "b");
	assert_int_equal(x.answer.outcome, OUTCOME_RETRY);
	assert_int_equal(x.answer.status, 0);
	end(&x);
}

static void *abort_soon(void *arg)
{
	usleep(200 * 1000);
	http_client_abort(arg);
	return NULL;
}

static void test_abort(void **state)
{
	struct exchange x;
	pthread_t thread;

	(void)state;
	begin(&x, NULL, &(struct http_settings){ .timeout_ms = 60000 });
	pthread_create(&thread, NULL, abort_soon, x.client);
	int64_t start = clock_real_ms();
	post(&x, "b");
	assert_in_range(clock_real_ms() - start, 150, 3000);
	assert_int_equal(x.answer.outcome, OUTCOME_RETRY);
	assert_true(x.answer.maybe_taken);
	assert_string_equal(x.answer.reason, "stopped");
	pthread_join(thread, NULL);
	start = clock_real_ms();
	post(&x, "b");
	assert_int_equal(x.answer.outcome, OUTCOME_RETRY);
	assert_in_range(clock_real_ms() - start, 0, 1500);
	end(&x);
}

static void test_header_cannot_be_smuggled(void **state)
{
	static const char *const headers[] = { "Authorization: a\r\nX-Evil: 1", NULL };
	struct exchange x;

	(void)state;
	begin(&x, "HTTP/1.1 204 No Content\r\n\r\n", &plain);
	http_post(x.client, x.url, headers, "b", 1, NULL, &x.answer);
	assert_int_equal(x.answer.outcome, OUTCOME_HELD);
	assert_int_equal(server_count(&x.server), 0);
	end(&x);
}

/* --- TLS ---------------------------------------------------------------- */

static void test_proxy(void **state)
{
	struct http_settings settings = plain;
	char proxy[64];
	struct exchange x, way;

	(void)state;
	/* The environment is not asked. */
	begin(&x, "HTTP/1.1 204 No Content\r\n\r\n", &plain);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	post(&x, "hello");
	assert_int_equal(x.answer.outcome, OUTCOME_DONE);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	end(&x);
	/* What is configured is, and only it needs to find the host. */
	begin(&way, "HTTP/1.1 204 No Content\r\n\r\n", &plain);
	snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", way.server.port);
	settings.proxy = proxy;
	settings.method = "PUT";
	http_client_free(way.client);
	way.client = http_client_new(&settings);
	snprintf(way.url, sizeof way.url, "http://far.invalid/in");
	post(&way, "hello");
	assert_int_equal(way.answer.outcome, OUTCOME_DONE);
	assert_int_equal(strncmp(way.server.requests[0].head,
				 "PUT http://far.invalid/in HTTP/1.1\r\n", 36),
		0);
	end(&way);
}

static char directory[] = "/tmp/muabui-tls-XXXXXX";
static char key_file[64], cert_file[64];

static int make_certificate(void **state)
{
	char *arguments[] = { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
		"/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
		key_file, "-out", cert_file, NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int status = 1;

	(void)state;
	http_client_setup();
	if (!mkdtemp(directory))
		return -1;
	snprintf(key_file, sizeof key_file, "%s/key.pem", directory);
	snprintf(cert_file, sizeof cert_file, "%s/cert.pem", directory);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0);
	if (posix_spawnp(&pid, "openssl", &actions, NULL, arguments, environ) != 0 ||
		waitpid(pid, &status, 0) < 0)
		return -1;
	posix_spawn_file_actions_destroy(&actions);
	return status;
}

static int remove_certificate(void **state)
{
	(void)state;
	unlink(key_file);
	unlink(cert_file);
	rmdir(directory);
	http_client_cleanup();
	return 0;
}

static char *slurp(const char *path)
{
	char *text = calloc(1, 8192);
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_true(fread(text, 1, 8191, file) > 0);
	fclose(file);
	return text;
}

static enum MHD_Result say_204(void *arg, struct MHD_Connection *connection,
	const char *url, const char *method, const char *version, const char *data,
	size_t *size, void **seen)
{
	struct MHD_Response *response;

	(void)url, (void)method, (void)version, (void)data;
	if (!*seen) {
		*seen = arg;
		return MHD_YES;
	}
	if (*size > 0) {
		*size = 0;
		return MHD_YES;
	}
	atomic_fetch_add((atomic_int *)arg, 1);
	response = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result = MHD_queue_response(connection, 204, response);
	MHD_destroy_response(response);
	return result;
}

static void tls_post(
	const char *host, int port, const char *ca_file, struct answer *answer)
{
	struct http_client *client = http_client_new(
		&(struct http_settings){ .timeout_ms = 5000, .ca_file = ca_file });
	char url[128];

	snprintf(url, sizeof url, "https://%s:%d/in?token=s3cret", host, port);
	http_post(client, url, NULL, "b", 1, NULL, answer);
	http_client_free(client);
}

static void test_tls(void **state)
{
	char *key = slurp(key_file), *cert = slurp(cert_file);
	atomic_int requests = 0;
	struct answer answer;
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	(void)state;
	struct MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_TLS | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, say_204,
		&requests, MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_HTTPS_MEM_CERT, cert,
		MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_END);
	assert_non_null(daemon);
	int port = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port;

	tls_post("127.0.0.1", port, NULL, &answer);
	assert_int_equal(answer.outcome, OUTCOME_RETRY);
	assert_int_equal(answer.status, 0);
	assert_false(answer.maybe_taken);
	assert_non_null(strstr(answer.reason, "certificate"));
	assert_null(strstr(answer.reason, "s3cret"));
	/* Trusted, but of another name. */
	tls_post("localhost", port, cert_file, &answer);
	assert_int_equal(answer.outcome, OUTCOME_RETRY);
	assert_false(answer.maybe_taken);
	assert_int_equal(atomic_load(&requests), 0);

	tls_post("127.0.0.1", port, cert_file, &answer);
	assert_string_equal(answer.reason, "");
	assert_int_equal(answer.outcome, OUTCOME_DONE);
	assert_int_equal(answer.status, 204);
	assert_int_equal(atomic_load(&requests), 1);
	MHD_stop_daemon(daemon);
	free(key);
	free(cert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_authentication),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_long_answers_are_cut),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_no_connection),
		cmocka_unit_test(test_cut_and_silent_connections),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_header_cannot_be_smuggled),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_tls),
	};

	return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
