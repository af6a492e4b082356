#include "sensors/modbus_line.h"

#include <errno.h>
#include <linux/serial.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"

enum {
	LATENCY_MS = 40, /* USB adapters keep bytes up to 16 ms, each way */
	TORN_MS = 200,   /* no device pauses so long within an answer */
	DAMAGED_MS = 50, /* what is all there but damaged will not get better */
	BABBLE_MS = 300, /* how long to wait for a line that is never silent */
	TCP_UNANSWERED =
		4, /* requests in a row after which the connection is made anew */
};

static bool is_tcp(const struct modbus_line *line)
{
	return modbus_is_tcp(line->options);
}

int64_t modbus_line_silence_ms(const struct modbus_options *options)
{
	/* Above 19200 baud 1.75 ms, which is less than the grain of the clock. */
	int64_t least_us = serial_char_us(&options->serial) * 35 / 10;

	return modbus_is_tcp(options) ? 0 : least_us / 1000 + 2;
}

void modbus_line_init(struct modbus_line *line, const struct modbus_options *options,
	int64_t silence_ms, int wake_fd)
{
	memset(line, 0, sizeof(*line));
	line->options = options;
	line->silence_ms = silence_ms;
	line->wake_fd = wake_fd;
	line->fd = -1;
}

void modbus_line_close(struct modbus_line *line)
{
	if (line->fd >= 0 && is_tcp(line))
		close(line->fd);
	else
		serial_close(line->fd);
	line->fd = -1;
}

void modbus_line_say_gone(const struct modbus_line *line, char *why, size_t size)
{
	if (is_tcp(line))
		snprintf(why, size, "%s: the connection is lost", line->options->url);
	else
		serial_say_gone(&line->options->serial, why, size);
}

/* --- RS-485 by the kernel ------------------------------------------------------- */

/* Has the kernel turn the line around. Adapters that do it themselves know nothing of it.
 */
static void set_rs485(struct modbus_line *line)
{
	const char *port = line->options->serial.port;
	struct serial_rs485 rs485;
	int failed = ioctl(line->fd, TIOCGRS485, &rs485);

	if (failed == 0) {
		rs485.flags |= SER_RS485_ENABLED | SER_RS485_RTS_ON_SEND;
		rs485.flags &=
			~(__u32)(SER_RS485_RTS_AFTER_SEND | SER_RS485_RX_DURING_TX);
		failed = ioctl(line->fd, TIOCSRS485, &rs485);
	}
	if (line->rs485_said)
		return;
	line->rs485_said = true;
	if (failed == 0)
		log_notice("port %s: the kernel turns the RS-485 line around", port);
	else if (errno == ENOTTY)
		log_notice(
			"port %s: the kernel has no RS-485 here: the adapter must turn "
			"the line around by itself",
			port);
	else
		log_warning("port %s: RS-485 is refused", port);
}

int modbus_line_open(struct modbus_line *line, char *why, size_t size)
{
	int status = 0;

	if (is_tcp(line)) {
		status = modbus_tcp_open(line, why, size);
	} else {
		line->fd = serial_open(&line->options->serial, why, size);
		status = line->fd >= 0 ? 0 : -1;
		if (status == 0 && line->options->rs485)
			set_rs485(line);
	}
	line->unanswered = 0;
	line->quiet_ms = clock_real_ms() + line->silence_ms;
	return status;
}

/* --- listening -------------------------------------------------------------------- */

/* Throws away what is there. False when the line is lost. */
static bool drain(struct modbus_line *line)
{
	uint8_t stale[RTU_MAX];
	ssize_t length;

	if (is_tcp(line))
		return modbus_tcp_read(line) >= 0;
	for (int i = 0; i < 16; i++) { /* a line that is never empty does not hold us */
		length = serial_read(line->fd, stale, sizeof(stale));
		if (length <= 0)
			return length == 0;
		line->skipped += (size_t)length;
		line->quiet_ms = clock_real_ms() + line->silence_ms;
	}
	return true;
}

/*
 * A connection that ends while nobody asks is no loss: it is made anew when it is needed.
 * Some devices hang up after each answer, others after some minutes of silence.
 */
static bool may_go(struct modbus_line *line)
{
	if (is_tcp(line))
		modbus_line_close(line);
	return is_tcp(line);
}

bool modbus_line_idle(struct modbus_line *line, int64_t when_ms)
{
	for (;;) {
		int64_t wait_ms = when_ms - clock_real_ms();

		if (wait_ms < 0)
			wait_ms = 0;
		switch (serial_wait(line->fd, line->wake_fd, wait_ms)) {
		case SERIAL_WOKEN:
			line->stopping = true;
			return true;
		case SERIAL_GONE:
			if (!may_go(line))
				return false;
			break;
		case SERIAL_READY:
			if (!drain(line) && !may_go(line))
				return false;
			break;
		case SERIAL_QUIET:
			break;
		}
		if (clock_real_ms() >= when_ms)
			return true;
	}
}

/* Waits until the line has been silent for long enough. False when it is lost. */
static bool keep_silence(struct modbus_line *line)
{
	int64_t patience_ms = clock_real_ms() + BABBLE_MS;

	do {
		if (!modbus_line_idle(line, line->quiet_ms))
			return false;
	} while (!line->stopping && clock_real_ms() < line->quiet_ms &&
		clock_real_ms() < patience_ms);
	return true;
}

/* An answer that begins in time may end, but does not pause. */
static int64_t give_up_at(
	const struct modbus_line *line, int64_t heard_ms, int64_t limit_ms)
{
	if (line->reply.seen & RTU_SEEN_DAMAGED)
		return heard_ms + DAMAGED_MS;
	if (line->reply.seen & RTU_SEEN_BEGUN)
		return heard_ms + TORN_MS;
	return limit_ms;
}

/* Takes what has come. 1: the answer is there, 0: not yet, -1: the line is lost. */
static int take_bytes(struct modbus_line *line)
{
	uint8_t bytes[RTU_MAX];
	ssize_t length;

	if (is_tcp(line))
		return modbus_tcp_read(line);
	length = serial_read(line->fd, bytes, sizeof(bytes));
	if (length <= 0)
		return (int)length;
	return rtu_reply_put(&line->reply, bytes, (size_t)length);
}

/* Listens until the answer is there, or will not come any more. */
static enum sensor_result receive(struct modbus_line *line, int64_t limit_ms)
{
	int64_t heard_ms = clock_real_ms();

	for (;;) {
		int64_t wait_ms = give_up_at(line, heard_ms, limit_ms) - clock_real_ms();
		int taken;

		if (wait_ms <= 0 || rtu_reply_is_full(&line->reply))
			return rtu_reply_verdict(&line->reply);
		switch (serial_wait(line->fd, line->wake_fd, wait_ms)) {
		case SERIAL_WOKEN:
			line->stopping = true;
			return SENSOR_TIMEOUT;
		case SERIAL_GONE:
			return SENSOR_PORT_ERROR;
		case SERIAL_QUIET:
			continue;
		case SERIAL_READY:
			taken = take_bytes(line);
			if (taken < 0)
				return SENSOR_PORT_ERROR;
			if (taken > 0)
				return rtu_reply_verdict(&line->reply);
			heard_ms = clock_real_ms();
			break;
		}
	}
}

/* --- one request -------------------------------------------------------------------- */

static void describe(struct modbus_line *line, enum sensor_result result, int unit,
	const struct modbus_block *block, int64_t timeout_ms)
{
	const struct rtu_reply *reply = &line->reply;
	char *detail = line->detail;
	const size_t size = sizeof(line->detail);
	uint8_t code = reply->bytes[reply->frame + 2];

	switch (result) {
	case SENSOR_OK:
		detail[0] = '\0';
		break;
	case SENSOR_DEVICE_ERROR:
		snprintf(detail, size, "exception %u, %s; register %u", code,
			rtu_exception_name(code), block->address);
		break;
	case SENSOR_TIMEOUT:
		snprintf(detail, size, "unit %d, %lld ms%s", unit, (long long)timeout_ms,
			reply->seen & RTU_SEEN_ECHO ? ", only our own echo" : "");
		break;
	case SENSOR_BAD_SYNC:
		if (reply->seen & RTU_SEEN_FOREIGN)
			snprintf(detail, size, "unit %d was asked, unit %u answered",
				unit, reply->foreign_unit);
		else
			snprintf(detail, size, "unit %d: %zu bytes of junk", unit,
				reply->used - reply->begin);
		break;
	default:
		snprintf(detail, size, "unit %d, register %u", unit, block->address);
		break;
	}
}

/* Sends REQUEST; LIMIT_MS is until when an answer must have begun. False: line lost. */
static bool send_request(struct modbus_line *line,
	const uint8_t request[static RTU_REQUEST_SIZE], int64_t timeout_ms,
	int64_t *limit_ms)
{
	const int64_t request_ms =
		RTU_REQUEST_SIZE * serial_char_us(&line->options->serial) / 1000;
	char why[LINE_DETAIL_SIZE];

	if (!is_tcp(line)) {
		if (serial_write(line->fd, request, RTU_REQUEST_SIZE) < 0)
			return false;
		*limit_ms = clock_real_ms() + request_ms + LATENCY_MS + timeout_ms;
		return true;
	}
	/* A connection whose far end is gone looks like one that is silent. */
	if (line->unanswered >= TCP_UNANSWERED)
		modbus_line_close(line);
	if (line->fd < 0 && modbus_line_open(line, why, sizeof(why)) != 0)
		return false;
	if (!modbus_tcp_send(line, request))
		return false;
	*limit_ms = clock_real_ms() + timeout_ms;
	return true;
}

enum sensor_result modbus_line_ask(struct modbus_line *line, int unit,
	const struct modbus_block *block, int64_t timeout_ms,
	uint8_t exchange[static MODBUS_EXCHANGE_MAX], size_t *length)
{
	enum sensor_result result = SENSOR_PORT_ERROR;
	int64_t limit_ms;

	line->detail[0] = '\0';
	if (!keep_silence(line))
		return SENSOR_PORT_ERROR;
	if (line->stopping)
		return SENSOR_TIMEOUT;
	rtu_request(
		exchange, (uint8_t)unit, block->function, block->address, block->count);
	rtu_reply_begin(&line->reply, exchange);
	if (send_request(line, exchange, timeout_ms, &limit_ms))
		result = receive(line, limit_ms);
	line->unanswered = result == SENSOR_TIMEOUT ? line->unanswered + 1 : 0;
	line->quiet_ms = clock_real_ms() + line->silence_ms;
	line->skipped += line->reply.skipped;
	describe(line, result, unit, block, timeout_ms);
	if (result != SENSOR_OK)
		return result;
	memcpy(exchange + RTU_REQUEST_SIZE, line->reply.bytes + line->reply.frame,
		line->reply.frame_length);
	*length = RTU_REQUEST_SIZE + line->reply.frame_length;
	return SENSOR_OK;
}
