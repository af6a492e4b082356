/*
 * What a Modbus line brings, with libFuzzer: the answer among echo, junk and foreign
 * frames, and Modbus TCP. First byte: way in, and how the bytes are cut; then unit,
 * function, count of the request; the rest is what came.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sensors/modbus_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is taken for the answer is one, CRC and all. */
static void check(const struct rtu_reply *reply)
{
	const uint8_t *frame = reply->bytes + reply->frame;
	struct rtu_message message;
	enum sensor_result result = rtu_reply_verdict(reply);

	if (reply->used > RTU_REPLY_SIZE || reply->skipped > RTU_REPLY_SIZE)
		abort();
	if (reply->frame_length == 0) {
		if (result == SENSOR_OK || result == SENSOR_DEVICE_ERROR)
			abort();
		return;
	}
	if (reply->frame + reply->frame_length > reply->used ||
		rtu_parse(frame, reply->frame_length, &message) != SENSOR_OK ||
		message.unit != reply->request[0] ||
		message.function != reply->request[1])
		abort();
	if (result == SENSOR_OK &&
		(message.kind != RTU_RESPONSE ||
			message.count != (reply->request[4] << 8 | reply->request[5])))
		abort();
}

static void run_rtu(
	struct rtu_reply *reply, size_t part, const uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size; at += part) {
		bool found = rtu_reply_put(
			reply, data + at, part < size - at ? part : size - at);

		if (found != (reply->frame_length > 0))
			abort();
		if (found || rtu_reply_is_full(reply))
			break;
	}
	check(reply);
}

static void run_tcp(struct modbus_line *line, const uint8_t *request, const uint8_t *data,
	size_t size)
{
	int ends[2];
	uint8_t sent[12];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0)
		return;
	line->fd = ends[0];
	if (!modbus_tcp_send(line, request) || read(ends[1], sent, 12) != 12)
		abort();
	if (write(ends[1], data, size) != (ssize_t)size)
		abort();
	while (size > 0 && modbus_tcp_read(line) == 0 && line->tcp_used > 0) {
		size_t before = line->tcp_used;

		if (before > LINE_TCP_SIZE)
			abort();
		if (modbus_tcp_read(line) == 0 && line->tcp_used == before)
			break; /* a frame that is not all there */
	}
	check(&line->reply);
	close(ends[0]);
	close(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct modbus_line line;
	static const struct modbus_options options = { .url = "modbus://x" };
	uint8_t request[RTU_REQUEST_SIZE];

	if (size < 4 || size > 2000)
		return 0;
	modbus_line_init(&line, &options, 0, -1);
	rtu_request(request, data[1], data[2] & 1 ? 3 : 4, 0,
		(uint16_t)(1 + data[3] % RTU_REGISTERS_MAX));
	rtu_reply_begin(&line.reply, request);
	if (data[0] & 0x80)
		run_tcp(&line, request, data + 4, size - 4);
	else
		run_rtu(&line.reply, 1 + data[0], data + 4, size - 4);
	return 0;
}
