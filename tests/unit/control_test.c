/* The control socket: asking, and being asked strangely. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/thread.h"
#include "gateway/control.h"
#include "tests/unit/temp_store.h"

enum { ANSWER_MAX = 16 << 20 };

static struct temp temp;
static char path[108];
static struct control *control;
static atomic_int asked;
static char heard[4200], logged[1000];

static void keep_log(enum log_level level, const char *line)
{
	(void)level;
	snprintf(logged, sizeof logged, "%s", line);
}

/* Says what it heard; a few words make it do more. */
static void handle(void *arg, const char *request, struct buffer *out)
{
	assert_string_equal(arg, "mine");
	snprintf(heard, sizeof heard, "%s", request);
	asked++;
	if (strcmp(request, "nothing") == 0)
		return;
	if (strcmp(request, "much") == 0)
		for (int i = 0; i < 100000; i++)
			buffer_puts(out, "0123456789");
	else if (strcmp(request, "too much") == 0)
		for (int i = 0; i < 1000000; i++)
			buffer_puts(out, "0123456789");
	else
		buffer_printf(out, "{\"asked\":\"%s\"}", request);
}

static void start(void)
{
	control = control_start(path, handle, "mine");
	assert_non_null(control);
}

static int begin(void **state)
{
	(void)state;
	log_set_sink(keep_log);
	temp_make(&temp);
	snprintf(path, sizeof path, "%s/control.sock", temp.directory);
	asked = 0;
	heard[0] = logged[0] = '\0';
	return 0;
}

static int end(void **state)
{
	(void)state;
	control_stop(control);
	control = NULL;
	temp_remove(&temp);
	return 0;
}

static void expect_answer(const char *request, const char *wanted)
{
	struct buffer answer;
	char why[256] = "";

	buffer_init(&answer, ANSWER_MAX);
	if (control_ask(path, request, &answer, why, sizeof why) < 0)
		fail_msg("%s", why);
	assert_string_equal(buffer_text(&answer), wanted);
	buffer_free(&answer);
}

static void expect_no_answer(const char *request, const char *reason)
{
	struct buffer answer;
	char why[256] = "";

	buffer_init(&answer, ANSWER_MAX);
	assert_int_equal(control_ask(path, request, &answer, why, sizeof why), -1);
	if (!strstr(why, reason))
		fail_msg("\"%s\" does not say \"%s\"", why, reason);
	buffer_free(&answer);
}

static int connect_raw(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, sizeof address.sun_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void answers_what_it_is_asked(void **state)
{
	(void)state;
	start();
	expect_answer("status", "{\"asked\":\"status\"}");
	assert_string_equal(heard, "status");
	expect_answer("alert test Cầu Giấy", "{\"asked\":\"alert test Cầu Giấy\"}");
	expect_answer("", "{\"asked\":\"\"}");
	for (int i = 0; i < 100; i++)
		expect_answer("status", "{\"asked\":\"status\"}");
	assert_int_equal(asked, 103);
}

static void only_owner_and_group_may_ask(void **state)
{
	(void)state;
	struct stat info;
	mode_t before = umask(0);

	start();
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0660);
	assert_int_equal(umask(before), 0); /* left as it was */
}

static void a_request_in_pieces_is_one(void **state)
{
	(void)state;
	char answer[100] = "";

	start();
	int fd = connect_raw();
	for (const char *c = "status\nmore"; *c; c++) {
		assert_int_equal(send(fd, c, 1, MSG_NOSIGNAL), 1);
		usleep(*c == 'a' ? 5000 : 0);
		if (*c == '\n')
			break;
	}
	assert_in_range(recv(fd, answer, sizeof answer - 1, MSG_WAITALL), 18, 18);
	assert_string_equal(answer, "{\"asked\":\"status\"}");
	close(fd);
}

static void large_answers_come_whole(void **state)
{
	(void)state;
	struct buffer answer;
	char why[256];

	start();
	buffer_init(&answer, ANSWER_MAX);
	assert_int_equal(control_ask(path, "much", &answer, why, sizeof why), 0);
	assert_int_equal(answer.length, 1000000);
	assert_memory_equal(answer.data + 999980, "01234567890123456789", 20);
	buffer_free(&answer);
	/* One that the asker has no room for is none. */
	buffer_init(&answer, 50000);
	assert_int_equal(control_ask(path, "much", &answer, why, sizeof why), -1);
	assert_non_null(strstr(why, strerror(EMSGSIZE)));
	buffer_free(&answer);
	expect_no_answer("too much", "did not answer");
	expect_no_answer("nothing", "did not answer");
	expect_answer("status", "{\"asked\":\"status\"}");
}

static void a_request_too_long_is_not_heard(void **state)
{
	(void)state;
	static char request[100000];

	start();
	memset(request, 'x', sizeof request - 1);
	expect_no_answer(request, path);
	assert_int_equal(asked, 0);
	request[4094] = '\0'; /* with its line end 4095 */
	char wanted[4200];
	snprintf(wanted, sizeof wanted, "{\"asked\":\"%.4094s\"}", request);
	expect_answer(request, wanted);
	request[4094] = 'x';
	request[4095] = '\0';
	expect_no_answer(request, path);
	expect_answer("status", "{\"asked\":\"status\"}");
	assert_int_equal(asked, 2);
}

static void who_hangs_up_disturbs_nobody(void **state)
{
	(void)state;
	start();
	close(connect_raw());
	int fd = connect_raw();
	assert_int_equal(send(fd, "stat", 4, MSG_NOSIGNAL), 4);
	close(fd);
	fd = connect_raw(); /* asks much and does not listen */
	assert_int_equal(send(fd, "much\n", 5, MSG_NOSIGNAL), 5);
	close(fd);
	expect_answer("status", "{\"asked\":\"status\"}");
}

/* A byte now and then would hold the socket for minutes. */
static void *trickle(void *arg)
{
	int fd = *(int *)arg;

	while (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
		usleep(100000);
	return NULL;
}

static void who_dawdles_is_left(void **state)
{
	(void)state;
	pthread_t thread;

	start();
	int fd = connect_raw();
	assert_int_equal(thread_start(&thread, "trickle", trickle, &fd), 0);
	usleep(20000);
	int64_t began = clock_real_ms();
	expect_answer("status", "{\"asked\":\"status\"}");
	assert_in_range(clock_real_ms() - began, 500, 9000);
	pthread_join(thread, NULL);
	close(fd);
}

static void no_gateway_is_said_so(void **state)
{
	(void)state;
	expect_no_answer("status", "no gateway is running here");
	start();
	control_stop(control);
	control = NULL;
	assert_int_equal(access(path, F_OK), -1); /* it tidies up */
	expect_no_answer("status", "no gateway is running here");
	control_stop(NULL);
}

/* What a killed gateway leaves behind. */
static void leave_stale_socket(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, path, sizeof address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	close(fd);
}

static void a_stale_socket_is_replaced(void **state)
{
	(void)state;
	leave_stale_socket();
	expect_no_answer("status", "no gateway is running here");
	start();
	expect_answer("status", "{\"asked\":\"status\"}");
}

static void a_living_one_is_not_replaced(void **state)
{
	(void)state;
	start();
	assert_null(control_start(path, handle, "mine"));
	assert_non_null(strstr(logged, strerror(EADDRINUSE)));
	expect_answer("status", "{\"asked\":\"status\"}");
}

static void what_is_no_socket_is_left_alone(void **state)
{
	(void)state;
	FILE *file = fopen(path, "w");

	fprintf(file, "precious");
	fclose(file);
	assert_null(control_start(path, handle, "mine"));
	struct stat info;
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_size, 8);
}

static void paths_that_cannot_be(void **state)
{
	(void)state;
	char longest[200];

	memset(longest, 'x', sizeof longest - 1);
	longest[0] = '/';
	longest[sizeof longest - 1] = '\0';
	assert_null(control_start(longest, handle, "mine"));
	assert_non_null(strstr(logged, strerror(ENAMETOOLONG)));
	assert_null(control_start("/no/such/folder/sock", handle, "mine"));
	assert_non_null(strstr(logged, "going on without"));
	struct buffer answer = { .limit = 100 };
	char why[400];
	assert_int_equal(control_ask(longest, "status", &answer, why, sizeof why), -1);
	assert_non_null(strstr(why, strerror(ENAMETOOLONG)));
}

static void where_the_socket_is(void **state)
{
	(void)state;
	struct config config = {
		.store = { .path = "/data/muabui.db" },
		.control = { .socket = "/tmp/mine.sock" },
	};
	char place[200];

	control_path(&config, place, sizeof place);
	assert_string_equal(place, "/tmp/mine.sock");
	config.control.socket = "";
	control_path(&config, place, sizeof place);
	assert_string_equal(place,
		access("/run/muabui", W_OK) == 0 ? "/run/muabui/control.sock"
						 : "/data/muabui.db.sock");
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(answers_what_it_is_asked),
		TEST(only_owner_and_group_may_ask),
		TEST(a_request_in_pieces_is_one),
		TEST(large_answers_come_whole),
		TEST(a_request_too_long_is_not_heard),
		TEST(who_hangs_up_disturbs_nobody),
		TEST(who_dawdles_is_left),
		TEST(no_gateway_is_said_so),
		TEST(a_stale_socket_is_replaced),
		TEST(a_living_one_is_not_replaced),
		TEST(what_is_no_socket_is_left_alone),
		TEST(paths_that_cannot_be),
		TEST(where_the_socket_is),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
