/* The receiver of pushed readings, with its server: what is taken, and from whom. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/listen.h"
#include "core/log.h"
#include "core/metric.h"
#include "sensors/http.h"
#include "store/ring.h"

static char folder[64], ring_path[100], token_path[100], where[40], logged[8192];
static struct ring *ring;
static int port;

static struct http_options air, weather;
static struct sensor_common common = { .station = "" };
static struct option_item items[2];
static struct option_list list = { .items = items, .count = 2 };
static struct sensors *sensors;

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;

static void keep_log(enum log_level level, const char *line)
{
	(void)level;
	pthread_mutex_lock(&log_mutex);
	size_t used = strlen(logged);
	snprintf(logged + used, sizeof logged - used, "%s\n", line);
	pthread_mutex_unlock(&log_mutex);
}

static bool was_logged(const char *text)
{
	pthread_mutex_lock(&log_mutex);
	bool was = strstr(logged, text) != NULL;
	pthread_mutex_unlock(&log_mutex);
	return was;
}

static void wait_connected(void)
{
	for (int i = 0; i < 500; i++) {
		if (atomic_load(&sensors_get(sensors, 0)->stats.connected))
			return;
		poll(NULL, 0, 10);
	}
	fail_msg("the server does not start");
}

static int set_up(void **state)
{
	char why[200];
	int fd = listen_open("127.0.0.1:0", why, sizeof why);

	(void)state;
	port = listen_port(fd);
	close(fd);
	snprintf(where, sizeof where, "127.0.0.1:%d", port);
	snprintf(folder, sizeof folder, "/tmp/muabui-http-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(ring_path, sizeof ring_path, "%s/ring", folder);
	snprintf(token_path, sizeof token_path, "%s/token", folder);
	FILE *file = fopen(token_path, "w");
	fputs("s3cret\n", file);
	fclose(file);
	ring = ring_open(ring_path, 64 * 1024, why, sizeof why);
	logged[0] = '\0';
	log_set_sink(keep_log);

	air = (struct http_options){ .payload = format_defaults(format_find("airrohr")),
		.listen = where,
		.path = "/air",
		.token_file = token_path,
		.rate = 1000 };
	air.payload.sensor = "{device}";
	air.payload.max_payload = 1000;
	weather =
		(struct http_options){ .payload = format_defaults(format_find("ecowitt")),
			.listen = where,
			.path = "/eco/{token}/+/report/",
			.token_file = token_path,
			.rate = 1000 };
	weather.payload.sensor = "{1}";
	weather.payload.max_payload = 2000;
	for (int i = 0; i < 2; i++)
		items[i] = (struct option_item){ .name = i ? "weather" : "air",
			.kind = &sensor_http.kind,
			.common = &common,
			.options = i ? &weather : &air };
	return ring ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	sensors_stop(sensors);
	sensors = NULL;
	log_set_sink(NULL);
	ring_close(ring);
	unlink(ring_path);
	unlink(token_path);
	rmdir(folder);
	return 0;
}

static void start(void)
{
	sensors = sensors_start(&list, "HN-1", ring, NULL);
	assert_non_null(sensors);
	wait_connected();
}

static int dial(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

/* The status of the answer to TEXT; 0: none. */
static int ask(const char *text)
{
	char answer[1000] = "";
	int status = 0, fd = dial();

	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	if (recv(fd, answer, sizeof answer - 1, 0) > 0)
		sscanf(answer, "HTTP/1.1 %d", &status);
	close(fd);
	return status;
}

static int post(const char *path, const char *header, const char *body)
{
	static char text[70000];

	snprintf(text, sizeof text,
		"POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n%s", path,
		header, strlen(body), body);
	return ask(text);
}

static bool next(struct report *report)
{
	uint64_t seq;
	bool any = ring_next(ring, report, &seq);

	ring_release(ring);
	return any;
}

static const char rohr[] = "{\"esp8266id\":\"77\",\"sensordatavalues\":[{\"value_type\":"
			   "\"SDS_P1\",\"value\":\"12.30\"},{\"value_type\":\"SDS_P2\","
			   "\"value\":\"7.85\"}]}";
#define BEARER "Authorization: Bearer s3cret\r\n"

static void takes_readings_before_it_says_so(void **state)
{
	struct report report;

	(void)state;
	start();
	assert_int_equal(post("/air", BEARER, rohr), 200);
	assert_true(next(&report));
	assert_string_equal(report.station, "HN-1");
	assert_string_equal(report.sensor, "esp8266-77");
	assert_true(report_find(&report, METRIC_PM25)->value == 7.85);
	assert_true(llabs(report.time_ms - clock_wall_ms()) < 3000);

	assert_int_equal(
		post("/eco/s3cret/roof/report", "", "tempf=50&humidity=42"), 200);
	assert_true(next(&report));
	assert_string_equal(report.sensor, "roof");
	assert_true(report_find(&report, METRIC_TEMPERATURE)->value == 10);
	/* Half of it is good: that is taken, and would be no better the next time. */
	assert_int_equal(
		post("/eco/s3cret/roof/report/", "", "tempf=x&humidity=42"), 200);
	assert_true(next(&report));
	assert_int_equal(post("/eco/s3cret/roof/report/", "", "tempf=x"), 400);
	assert_int_equal(post("/air/", BEARER, "{}"), 400);
	assert_int_equal(post("/air", BEARER, "not json"), 400);
	assert_int_equal(post("/air", BEARER, ""), 400);
	assert_false(next(&report));
	assert_int_equal(
		atomic_load(&sensors_get(sensors, 0)->stats.results[SENSOR_OK]), 1);
}

static void refuses_who_may_not(void **state)
{
	struct report report;

	(void)state;
	start();
	assert_int_equal(post("/air", "", rohr), 401);
	assert_int_equal(post("/air", "Authorization: Bearer s3cre\r\n", rohr), 401);
	assert_int_equal(post("/air", "Authorization: Bearer s3crets\r\n", rohr), 401);
	assert_int_equal(post("/air", "Authorization: Bearer \r\n", rohr), 401);
	assert_int_equal(post("/air", "X-Token: wrong\r\n", rohr), 401);
	assert_int_equal(post("/air", "Authorization: Basic eDp5\r\n", rohr), 401);
	assert_int_equal(post("/eco/wrong/roof/report", "", "tempf=50"), 401);
	assert_int_equal(post("/eco/wrong/roof/report", BEARER, "tempf=50"), 401);
	assert_int_equal(post("/eco//roof/report", "", "tempf=50"), 404);
	assert_int_equal(post("/other", BEARER, rohr), 404);
	assert_int_equal(post("/a%69r", BEARER, rohr), 404);
	assert_int_equal(post("/eco/s3cret/%00/report", "", "tempf=50"), 404);
	assert_int_equal(ask("GET /air HTTP/1.1\r\nHost: x\r\n\r\n"), 405);
	assert_false(next(&report));
	/* By every way it may be shown. "anyone:s3cret" */
	assert_int_equal(post("/air", "X-Token: s3cret\r\n", rohr), 200);
	assert_int_equal(
		post("/air", "Authorization: Basic YW55b25lOnMzY3JldA==\r\n", rohr), 200);
	assert_true(next(&report) && next(&report));
	assert_false(was_logged("s3cret"));
}

static void bounds_what_is_sent(void **state)
{
	static char large[3000];
	struct report report;

	(void)state;
	start();
	memset(large, ' ', sizeof large - 1);
	memcpy(large, rohr, strlen(rohr));
	assert_int_equal(post("/air", BEARER, large), 413);
	/* Without a length it is told while it comes. */
	snprintf(large, sizeof large,
		"POST /air HTTP/1.1\r\nHost: x\r\n" BEARER
		"Transfer-Encoding: chunked\r\n\r\n7d0\r\n%2000s\r\n0\r\n\r\n",
		"x");
	assert_int_equal(ask(large), 413);
	assert_false(next(&report));

	sensors_stop(sensors);
	air.rate = 3;
	start();
	for (int i = 0; i < 3; i++)
		assert_int_equal(post("/air", BEARER, rohr), 200);
	assert_int_equal(post("/air", BEARER, rohr), 429);
	assert_int_equal(post("/air", "", rohr), 429); /* nor may tokens be tried */
}

static void waits_for_its_address(void **state)
{
	char why[200];
	int other = listen_open(where, why, sizeof why);

	(void)state;
	assert_true(other >= 0);
	sensors = sensors_start(&list, "HN-1", ring, NULL);
	assert_non_null(sensors);
	for (int i = 0; i < 300 && !was_logged("(port)"); i++)
		poll(NULL, 0, 10);
	assert_true(was_logged("(port)"));
	close(other);
	wait_connected();
	assert_int_equal(post("/air", BEARER, rohr), 200);
}

static void without_its_token_it_is_shut(void **state)
{
	(void)state;
	unlink(token_path);
	start();
	assert_int_equal(post("/air", BEARER, rohr), 503);
	assert_int_equal(post("/air", "", rohr), 503);
	assert_int_equal(post("/eco//roof/report", "", "tempf=50"), 404);
	assert_true(was_logged("token_file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			takes_readings_before_it_says_so, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_who_may_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bounds_what_is_sent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(waits_for_its_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			without_its_token_it_is_shut, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("http_receiver", tests, NULL, NULL);
}
