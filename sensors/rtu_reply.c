#include "sensors/rtu_reply.h"

#include <string.h>

enum {
	EXCEPTION_BIT = 0x80,
	EXCEPTION_SIZE = 5,
	HEAD = 3,
	CRC = 2,
	JUNK_MIN = 4, /* fewer bytes are no attempt to say something */
};

/* What stands at one place. */
enum find {
	FIND_NOTHING,
	FIND_ANSWER,
	FIND_FRAME, /* whole, but not the answer; to be skipped */
	FIND_BEGUN, /* may become the answer */
};

void rtu_reply_begin(
	struct rtu_reply *reply, const uint8_t request[static RTU_REQUEST_SIZE])
{
	reply->seen = 0;
	reply->foreign_unit = 0;
	reply->skipped = 0;
	reply->frame = 0;
	reply->frame_length = 0;
	reply->used = 0;
	reply->begin = 0;
	memcpy(reply->request, request, RTU_REQUEST_SIZE);
}

static bool crc_is_right(const uint8_t *frame, size_t length)
{
	uint16_t crc = rtu_crc(frame, length - CRC);

	return frame[length - 2] == (crc & 0xFF) && frame[length - 1] == crc >> 8;
}

/* Data bytes that were asked for. */
static size_t data_size(const struct rtu_reply *reply)
{
	return 2 * (size_t)(reply->request[4] << 8 | reply->request[5]);
}

static enum find find_echo(struct rtu_reply *reply, const uint8_t *at, size_t left)
{
	if (left < RTU_REQUEST_SIZE || memcmp(at, reply->request, RTU_REQUEST_SIZE) != 0)
		return FIND_NOTHING;
	reply->seen |= RTU_SEEN_ECHO;
	reply->frame_length = RTU_REQUEST_SIZE;
	return FIND_FRAME;
}

/* The unit's answer or exception. */
static enum find find_own(struct rtu_reply *reply, const uint8_t *at, size_t left)
{
	bool exception = left > 1 && at[1] == (reply->request[1] | EXCEPTION_BIT);
	size_t size = exception ? EXCEPTION_SIZE : HEAD + data_size(reply) + CRC;

	if (left < 2 || at[0] != reply->request[0])
		return FIND_NOTHING;
	if (at[1] != reply->request[1] && !exception)
		return FIND_NOTHING;
	if (left > 2 && !exception && at[2] != data_size(reply))
		return FIND_NOTHING;
	/* An echo that is not all there yet may look like a damaged answer. */
	if (left < size ||
		(left < RTU_REQUEST_SIZE && memcmp(at, reply->request, left) == 0))
		return FIND_BEGUN;
	if (!crc_is_right(at, size)) {
		if (!exception)
			reply->seen |= RTU_SEEN_DAMAGED;
		return FIND_NOTHING;
	}
	reply->frame_length = size;
	return FIND_ANSWER;
}

/* Anybody's whole frame. */
static enum find find_any(struct rtu_reply *reply, const uint8_t *at, size_t left)
{
	ssize_t size = rtu_frame(at, left);

	if (size <= 0 || (size_t)size > left || !crc_is_right(at, (size_t)size))
		return FIND_NOTHING;
	if (at[0] == reply->request[0] && at[1] == reply->request[1]) {
		reply->seen |= RTU_SEEN_LENGTH;
	} else {
		reply->seen |= RTU_SEEN_FOREIGN;
		reply->foreign_unit = at[0];
	}
	reply->frame_length = (size_t)size;
	reply->skipped += (size_t)size;
	return FIND_FRAME;
}

static enum find find_at(struct rtu_reply *reply, size_t at)
{
	const uint8_t *bytes = reply->bytes + at;
	size_t left = reply->used - at;
	enum find found = find_echo(reply, bytes, left);

	if (found == FIND_NOTHING)
		found = find_own(reply, bytes, left);
	if (found == FIND_NOTHING || found == FIND_BEGUN)
		return find_any(reply, bytes, left) == FIND_FRAME ? FIND_FRAME : found;
	return found;
}

/*
 * Looks at every place again: a false head must not hide the answer behind it, and what
 * was too short the last time may now be whole.
 */
static bool scan(struct rtu_reply *reply)
{
	bool begun = false;

	for (size_t at = reply->begin; at < reply->used;) {
		enum find found = find_at(reply, at);

		if (found == FIND_ANSWER) {
			reply->frame = at;
			reply->skipped += at - reply->begin;
			return true;
		}
		if (found == FIND_FRAME) {
			reply->skipped += at - reply->begin;
			at += reply->frame_length;
			reply->begin = at;
			reply->frame_length = 0;
			begun = false;
			continue;
		}
		begun = begun || found == FIND_BEGUN;
		at++;
	}
	reply->seen &= ~(unsigned)RTU_SEEN_BEGUN;
	if (begun)
		reply->seen |= RTU_SEEN_BEGUN;
	return false;
}

bool rtu_reply_put(struct rtu_reply *reply, const uint8_t *bytes, size_t length)
{
	size_t room = RTU_REPLY_SIZE - reply->used;

	if (reply->frame_length > 0)
		return true;
	if (length > room)
		length = room;
	memcpy(reply->bytes + reply->used, bytes, length);
	reply->used += length;
	return scan(reply);
}

bool rtu_reply_is_full(const struct rtu_reply *reply)
{
	return reply->used == RTU_REPLY_SIZE;
}

enum sensor_result rtu_reply_verdict(const struct rtu_reply *reply)
{
	if (reply->frame_length > 0)
		return reply->bytes[reply->frame + 1] & EXCEPTION_BIT
			? SENSOR_DEVICE_ERROR
			: SENSOR_OK;
	if (reply->seen & RTU_SEEN_DAMAGED)
		return SENSOR_BAD_CHECKSUM;
	if (reply->seen & (RTU_SEEN_LENGTH | RTU_SEEN_BEGUN))
		return SENSOR_BAD_LENGTH;
	if (reply->seen & RTU_SEEN_FOREIGN || reply->used - reply->begin >= JUNK_MIN)
		return SENSOR_BAD_SYNC;
	return SENSOR_TIMEOUT;
}
