/*
 * One request and its answer, over a pseudo terminal and over TCP, with a far end that
 * does what it is told to: late, torn, damaged, echoing, or gone.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "sensors/modbus_line.h"
#include "sensors/pty.h"

enum { STEPS_MAX = 8 };

#define GOOD    "01 03 02 02 18 B9 2E"
#define OTHERS  "02 03 06 05 A1 00 08 00 BA 88 78"
#define REQUEST "01 03 00 00 00 01 84 0A"

/* What the far end says, one step after the other. */
struct step {
	int after_ms;
	const char *hex; /* NULL: hangs up (TCP) */
};

struct peer {
	int fd, listener;
	bool tcp; /* puts heads on: steps are whole frames "unit function …" */
	atomic_int tid_error;
	pthread_t thread;
	size_t count;
	int after_ms[STEPS_MAX];
	const char *_Atomic hex[STEPS_MAX];
	atomic_int_fast64_t asked_ms; /* when the request was there */
	atomic_int connections;
	int stop_fd;
};

static struct peer peer;
static struct pty pty;
static struct modbus_options options;
static struct modbus_line line;
static int wake_fd;
static char why[300], url[64], log_text[1000];
static uint8_t exchange[MODBUS_EXCHANGE_MAX];
static size_t length;

static size_t from_hex(const char *hex, uint8_t *bytes)
{
	size_t used = 0;
	char *end;

	for (;;) {
		unsigned long byte = strtoul(hex, &end, 16);

		if (end == hex)
			return used;
		bytes[used++] = (uint8_t)byte;
		hex = end;
	}
}

static void keep_log(enum log_level level, const char *text)
{
	size_t used = strlen(log_text);

	(void)level;
	snprintf(log_text + used, sizeof(log_text) - used, "%s\n", text);
}

/* Readable within MS? False when told to stop, too. */
static bool wait_readable(int fd, int ms)
{
	struct pollfd fds[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = peer.stop_fd, .events = POLLIN },
	};

	return poll(fds, 2, ms) > 0 && fds[1].revents == 0;
}

static bool read_exactly(int fd, uint8_t *bytes, size_t size)
{
	for (size_t used = 0; used < size;) {
		ssize_t got;

		if (!wait_readable(fd, 20000))
			return false;
		got = read(fd, bytes + used, size - used);
		if (got <= 0)
			return false;
		used += (size_t)got;
	}
	return true;
}

static void say(const char *hex, const uint8_t request[12])
{
	uint8_t bytes[1200];
	size_t head = peer.tcp ? 6 : 0;
	size_t size = from_hex(hex, bytes + head);
	int tid = (request[0] << 8 | request[1]) + peer.tid_error;

	if (peer.tcp) {
		bytes[0] = (uint8_t)(tid >> 8);
		bytes[1] = (uint8_t)tid;
		bytes[2] = bytes[3] = bytes[4] = 0;
		bytes[5] = (uint8_t)size;
	}
	if (write(peer.fd, bytes, head + size) < 0)
		return;
}

/* Answers requests until the far side is gone. */
static void serve(void)
{
	uint8_t request[12];

	while (read_exactly(peer.fd, request, peer.tcp ? 12 : 8)) {
		peer.asked_ms = clock_real_ms();
		for (size_t i = 0; i < peer.count; i++) {
			const char *hex = peer.hex[i];

			poll(NULL, 0, peer.after_ms[i]);
			if (hex == NULL)
				return;
			say(hex, request);
		}
	}
}

static void *peer_run(void *arg)
{
	(void)arg;
	if (!peer.tcp) {
		serve();
		return NULL;
	}
	while (wait_readable(peer.listener, 20000)) {
		peer.fd = accept(peer.listener, NULL, NULL);
		peer.connections++;
		serve();
		close(peer.fd);
	}
	return NULL;
}

static void start_peer(size_t count, const struct step *steps)
{
	peer.count = count;
	for (size_t i = 0; i < count; i++) {
		peer.after_ms[i] = steps[i].after_ms;
		peer.hex[i] = steps[i].hex;
	}
	assert_int_equal(pthread_create(&peer.thread, NULL, peer_run, NULL), 0);
}

static int set_up(void)
{
	memset(&peer, 0, sizeof(peer));
	log_text[0] = '\0';
	log_set_sink(keep_log);
	peer.stop_fd = eventfd(0, EFD_CLOEXEC);
	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	options = (struct modbus_options){
		.serial = { .baud = 9600, .stop_bits = 1, .data_bits = 8 },
		.url = "",
		.unit_id = 1,
		.function = 3,
	};
	return 0;
}

static int set_up_pty(void **state)
{
	(void)state;
	set_up();
	assert_int_equal(pty_open(&pty, NULL, why, sizeof(why)), 0);
	peer.fd = pty.fd;
	options.serial.port = pty.name;
	modbus_line_init(&line, &options, modbus_line_silence_ms(&options), wake_fd);
	return 0;
}

static int set_up_tcp(void **state)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t size = sizeof(address);

	(void)state;
	set_up();
	peer.tcp = true;
	peer.listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(peer.listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(peer.listener, 4), 0);
	getsockname(peer.listener, (struct sockaddr *)&address, &size);
	snprintf(url, sizeof(url), "modbus://127.0.0.1:%d", ntohs(address.sin_port));
	options.url = url;
	options.serial.port = "";
	modbus_line_init(&line, &options, 0, wake_fd);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	eventfd_write(peer.stop_fd, 1);
	pthread_join(peer.thread, NULL);
	modbus_line_close(&line);
	if (peer.tcp)
		close(peer.listener);
	else
		pty_close(&pty);
	close(peer.stop_fd);
	close(wake_fd);
	log_set_sink(NULL);
	return 0;
}

#define PLAY(...)                                                                \
	start_peer(sizeof((struct step[]){ __VA_ARGS__ }) / sizeof(struct step), \
		(struct step[]){ __VA_ARGS__ })

static const struct modbus_block block = { .function = 3, .address = 0, .count = 1 };

/* Asks unit 1 for register 0. */
static enum sensor_result ask(int64_t timeout_ms)
{
	return modbus_line_ask(&line, 1, &block, timeout_ms, exchange, &length);
}

static void open_line(void)
{
	if (modbus_line_open(&line, why, sizeof(why)) != 0)
		fail_msg("%s", why);
}

static void expect_good(void)
{
	uint8_t expected[32];
	size_t size = from_hex(REQUEST " " GOOD, expected);

	assert_int_equal(length, size);
	assert_memory_equal(exchange, expected, size);
	assert_string_equal(line.detail, "");
}

/* --- a serial line --------------------------------------------------------------- */

static void test_echo_zero_pieces(void **state)
{
	(void)state;
	PLAY({ 5, REQUEST }, { 30, "00" }, { 5, "01 03 02" }, { 60, "02 18 B9" },
		{ 60, "2E" });
	open_line();
	assert_int_equal(ask(1000), SENSOR_OK);
	expect_good();
	assert_int_equal(line.skipped, 1);
}

static void test_another_units_late_answer(void **state)
{
	(void)state;
	PLAY({ 10, OTHERS }, { 100, GOOD });
	open_line();
	assert_int_equal(ask(500), SENSOR_OK);
	expect_good();
}

static void test_only_another_units_answer(void **state)
{
	int64_t began_ms;

	(void)state;
	PLAY({ 10, OTHERS });
	open_line();
	began_ms = clock_real_ms();
	assert_int_equal(ask(200), SENSOR_BAD_SYNC);
	assert_true(clock_real_ms() - began_ms >= 200); /* ours might have come yet */
	assert_string_equal(line.detail, "unit 1 was asked, unit 2 answered");
}

static void test_damaged(void **state)
{
	int64_t began_ms;

	(void)state;
	PLAY({ 10, "01 03 02 02 19 B9 2E" });
	open_line();
	began_ms = clock_real_ms();
	assert_int_equal(ask(5000), SENSOR_BAD_CHECKSUM);
	assert_true(clock_real_ms() - began_ms < 1000); /* no use in waiting */
}

static void test_torn(void **state)
{
	int64_t began_ms;

	(void)state;
	PLAY({ 10, "01 03 02 02" });
	open_line();
	began_ms = clock_real_ms();
	assert_int_equal(ask(5000), SENSOR_BAD_LENGTH);
	assert_true(clock_real_ms() - began_ms < 1500);
}

static void test_exception(void **state)
{
	(void)state;
	PLAY({ 10, "01 83 02 C0 F1" });
	open_line();
	assert_int_equal(ask(1000), SENSOR_DEVICE_ERROR);
	assert_string_equal(line.detail, "exception 2, illegal data address; register 0");
}

/* More registers than were asked for, then more than any frame has. */
static void test_too_long(void **state)
{
	char babble[3 * 1100 + 1] = "";

	(void)state;
	for (size_t i = 0; i < 1100; i++)
		memcpy(babble + 3 * i, "01 ", 4);
	PLAY({ 10, "01 03 04 00 01 00 02 2A 32" });
	open_line();
	assert_int_equal(ask(200), SENSOR_BAD_LENGTH);
	peer.hex[0] = babble;
	assert_int_not_equal(ask(300), SENSOR_OK);
	assert_true(line.reply.used <= RTU_REPLY_SIZE);
}

static void test_silent(void **state)
{
	int64_t began_ms;

	(void)state;
	PLAY({ 0, "" });
	open_line();
	began_ms = clock_real_ms();
	assert_int_equal(ask(100), SENSOR_TIMEOUT);
	assert_in_range(clock_real_ms() - began_ms, 100, 1000);
	assert_string_equal(line.detail, "unit 1, 100 ms");
	peer.hex[0] = REQUEST;
	assert_int_equal(ask(100), SENSOR_TIMEOUT);
	assert_string_equal(line.detail, "unit 1, 100 ms, only our own echo");
}

/* What lay there before the request is no answer to it, and silence is kept after it. */
static void test_stale_input_is_drained(void **state)
{
	uint8_t bytes[32];
	size_t size = from_hex("01 03 02 00 63 F8 6D", bytes); /* a whole answer */
	int64_t stale_ms;

	(void)state;
	line.silence_ms = 60;
	PLAY({ 10, GOOD });
	open_line();
	poll(NULL, 0, 100);
	assert_int_equal(write(pty.fd, bytes, size), size);
	stale_ms = clock_real_ms();
	assert_int_equal(ask(1000), SENSOR_OK);
	expect_good();
	assert_int_equal(line.skipped, size);
	assert_true(peer.asked_ms - stale_ms >= 60);
}

static void test_silence_between_requests(void **state)
{
	int64_t answered_ms;

	(void)state;
	PLAY({ 0, GOOD });
	line.silence_ms = 40;
	open_line();
	for (int i = 0; i < 5; i++) {
		assert_int_equal(ask(1000), SENSOR_OK);
		answered_ms = clock_real_ms();
		assert_int_equal(ask(1000), SENSOR_OK);
		assert_true(peer.asked_ms - answered_ms >= 39);
	}
	assert_int_equal(
		modbus_line_silence_ms(&options), 5); /* 3.65 ms, and the grain */
	options.serial.baud = 1200;
	assert_int_equal(modbus_line_silence_ms(&options), 31);
}

static void test_a_line_that_is_never_silent(void **state)
{
	int64_t began_ms = clock_real_ms();
	char chatter[3 * 20 + 1] = "";

	(void)state;
	for (size_t i = 0; i < 20; i++)
		memcpy(chatter + 3 * i, "FF ", 4);
	PLAY({ 1, chatter }, { 1, chatter }, { 1, GOOD });
	open_line();
	for (int i = 0; i < 5; i++)
		assert_int_equal(write(pty.fd, "\xFF\xFF", 2), 2);
	assert_int_equal(ask(1000), SENSOR_OK);
	assert_true(clock_real_ms() - began_ms < 1000);
}

static void test_unplugged(void **state)
{
	(void)state;
	PLAY({ 0, "" });
	open_line();
	eventfd_write(peer.stop_fd, 1);
	pthread_join(peer.thread, NULL);
	pty_close(&pty);
	assert_int_equal(ask(100), SENSOR_PORT_ERROR);
	assert_int_equal(modbus_line_open(&line, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "unplugged"));
	assert_int_equal(pthread_create(&peer.thread, NULL, peer_run, NULL), 0);
}

static void test_stop_while_waiting(void **state)
{
	int64_t began_ms;

	(void)state;
	PLAY({ 0, "" });
	open_line();
	eventfd_write(wake_fd, 1);
	began_ms = clock_real_ms();
	ask(10000);
	assert_true(line.stopping);
	assert_true(clock_real_ms() - began_ms < 500);
}

static void test_rs485_is_said_once(void **state)
{
	(void)state;
	PLAY({ 0, GOOD });
	options.rs485 = true; /* a pseudo terminal knows nothing of it */
	open_line();
	modbus_line_close(&line);
	open_line();
	assert_int_equal(ask(1000), SENSOR_OK);
	assert_non_null(strstr(log_text, "the kernel has no RS-485 here"));
	assert_null(strstr(strstr(log_text, "RS-485") + 6, "RS-485"));
}

/* --- Modbus TCP ----------------------------------------------------------------------
 */

static void test_tcp(void **state)
{
	(void)state;
	PLAY({ 10, "01 03 02 02 18" });
	open_line();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(1000), SENSOR_OK);
		expect_good();
	}
	assert_int_equal(peer.connections, 1);
	peer.hex[0] = "01 83 06";
	assert_int_equal(ask(1000), SENSOR_DEVICE_ERROR);
	assert_string_equal(line.detail, "exception 6, device busy; register 0");
	peer.hex[0] = "02 03 02 02 18"; /* another unit */
	assert_int_equal(ask(1000), SENSOR_BAD_SYNC);
	peer.hex[0] = "01 03 04 02 18 00 00"; /* too much */
	assert_int_equal(ask(1000), SENSOR_BAD_LENGTH);
	assert_int_equal(peer.connections, 1);
}

static void test_tcp_late_answer(void **state)
{
	(void)state;
	peer.tid_error = -1; /* answers the request before */
	PLAY({ 0, "01 03 02 00 63" });
	open_line();
	assert_int_equal(ask(100), SENSOR_TIMEOUT);
	assert_int_equal(line.skipped, 11);
	peer.tid_error = 0;
	peer.hex[0] = "01 03 02 02 18";
	assert_int_equal(ask(100), SENSOR_OK);
	expect_good();
}

static void test_tcp_hangs_up_after_each_answer(void **state)
{
	(void)state;
	PLAY({ 0, "01 03 02 02 18" }, { 0, NULL });
	open_line();
	for (int i = 0; i < 4; i++) {
		assert_int_equal(ask(1000), SENSOR_OK);
		expect_good();
		assert_true(modbus_line_idle(&line, clock_real_ms() + 50));
	}
	assert_int_equal(peer.connections, 4);
}

static void test_tcp_hangs_up_without_an_answer(void **state)
{
	(void)state;
	PLAY({ 0, NULL });
	open_line();
	assert_int_equal(ask(1000), SENSOR_PORT_ERROR);
}

static void test_tcp_silence_makes_a_new_connection(void **state)
{
	(void)state;
	PLAY({ 0, "01 03 02 02 18" });
	peer.tid_error = 7;
	open_line();
	for (int i = 0; i < 4; i++)
		assert_int_equal(ask(30), SENSOR_TIMEOUT);
	assert_int_equal(peer.connections, 1);
	peer.tid_error = 0;
	assert_int_equal(ask(1000), SENSOR_OK);
	assert_int_equal(peer.connections, 2);
}

static void test_tcp_what_is_no_modbus(void **state)
{
	static const char greeting[] = "HTTP/1.0 400 Bad Request\r\n\r\n";
	uint8_t request[12];

	(void)state;
	open_line(); /* the kernel accepts for us */
	peer.fd = accept(peer.listener, NULL, NULL);
	assert_int_equal(write(peer.fd, greeting, sizeof(greeting)), sizeof(greeting));
	poll(NULL, 0, 50);
	assert_true(modbus_line_idle(&line, clock_real_ms()));
	assert_int_equal(line.fd, -1);
	assert_int_equal(recv(peer.fd, request, sizeof(request), MSG_DONTWAIT), 0);
	close(peer.fd);
	PLAY({ 0, "01 03 02 02 18" });
	assert_int_equal(ask(1000), SENSOR_OK); /* over a new connection */
}

static void test_tcp_refused(void **state)
{
	(void)state;
	PLAY({ 0, "" });
	options.url = "modbus://127.0.0.1:1";
	assert_int_equal(modbus_line_open(&line, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "modbus://127.0.0.1:1: Connection refused"));
	assert_int_equal(ask(100), SENSOR_PORT_ERROR);
	options.url = "modbus://[::1]:1";
	assert_int_equal(modbus_line_open(&line, why, sizeof(why)), -1);
	options.url = url;
	open_line();
}

#define PTY(test) cmocka_unit_test_setup_teardown(test, set_up_pty, tear_down)
#define TCP(test) cmocka_unit_test_setup_teardown(test, set_up_tcp, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PTY(test_echo_zero_pieces),
		PTY(test_another_units_late_answer),
		PTY(test_only_another_units_answer),
		PTY(test_damaged),
		PTY(test_torn),
		PTY(test_exception),
		PTY(test_too_long),
		PTY(test_silent),
		PTY(test_stale_input_is_drained),
		PTY(test_silence_between_requests),
		PTY(test_a_line_that_is_never_silent),
		PTY(test_unplugged),
		PTY(test_stop_while_waiting),
		PTY(test_rs485_is_said_once),
		TCP(test_tcp),
		TCP(test_tcp_late_answer),
		TCP(test_tcp_hangs_up_after_each_answer),
		TCP(test_tcp_hangs_up_without_an_answer),
		TCP(test_tcp_silence_makes_a_new_connection),
		TCP(test_tcp_what_is_no_modbus),
		TCP(test_tcp_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
