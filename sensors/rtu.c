#include "sensors/rtu.h"

#include <stdbool.h>
#include <string.h>

enum {
	READ_HOLDING = 0x03,
	READ_INPUT = 0x04,
	WRITE_ONE = 0x06,
	WRITE_MANY = 0x10,
	READ_MEMORY = 0x44, /* Senseair's own; its answer has the shape of 3 and 4 */
	EXCEPTION_BIT = 0x80,
	ACK_SIZE = 8, /* writes of one register, and answers to writes */
	EXCEPTION_SIZE = 5,
	HEAD = 3, /* unit, function, byte count */
	CRC = 2,
};

uint16_t rtu_crc(const uint8_t *bytes, size_t length)
{
	uint16_t crc = 0xFFFF;

	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? (uint16_t)(crc >> 1 ^ 0xA001)
				      : (uint16_t)(crc >> 1);
	}
	return crc;
}

size_t rtu_seal(uint8_t *frame, size_t length)
{
	uint16_t crc = rtu_crc(frame, length);

	frame[length] = crc & 0xFF;
	frame[length + 1] = crc >> 8;
	return length + CRC;
}

void rtu_request(uint8_t frame[static RTU_REQUEST_SIZE], uint8_t unit, uint8_t function,
	uint16_t address, uint16_t count)
{
	frame[0] = unit;
	frame[1] = function;
	frame[2] = address >> 8;
	frame[3] = address & 0xFF;
	frame[4] = count >> 8;
	frame[5] = count & 0xFF;
	rtu_seal(frame, 6);
}

static bool crc_is_right(const uint8_t *frame, size_t length)
{
	uint16_t crc = rtu_crc(frame, length - CRC);

	return frame[length - 2] == (crc & 0xFF) && frame[length - 1] == crc >> 8;
}

static bool brings_registers(uint8_t function)
{
	return function == READ_HOLDING || function == READ_INPUT ||
		function == READ_MEMORY;
}

/* Bytes of the register response whose byte count is COUNT; 0: there is none such. */
static size_t response_size(uint8_t count)
{
	if (count == 0 || count % 2 != 0 || count > 2 * RTU_REGISTERS_MAX)
		return 0;
	return HEAD + count + CRC;
}

/* Bytes of the request for registers that this may be; 0: it is none. */
static size_t request_size(const uint8_t *bytes, size_t length)
{
	unsigned count;

	if (bytes[1] == READ_MEMORY)
		return 0;
	if (length < 6)
		return RTU_REQUEST_SIZE;
	count = (unsigned)bytes[4] << 8 | bytes[5];
	return count > 0 && count <= RTU_REGISTERS_MAX ? RTU_REQUEST_SIZE : 0;
}

/*
 * Of the two sizes a frame may have (0: not possible), the one whose CRC is right; 0
 * while that cannot be told; GUESS, or -1 without one, when neither is.
 */
static ssize_t choose_size(
	const uint8_t *bytes, size_t length, size_t one, size_t other, size_t guess)
{
	if (one != 0 && length >= one && crc_is_right(bytes, one))
		return (ssize_t)one;
	if (other != 0 && length >= other && crc_is_right(bytes, other))
		return (ssize_t)other;
	if (length < one || length < other)
		return 0;
	return guess != 0 ? (ssize_t)guess : -1;
}

ssize_t rtu_frame(const uint8_t *bytes, size_t length)
{
	size_t response;

	if (length < 2)
		return 0;
	if (bytes[1] & EXCEPTION_BIT) {
		uint8_t function = bytes[1] & ~EXCEPTION_BIT;

		if (!brings_registers(function) && function != WRITE_ONE &&
			function != WRITE_MANY)
			return -1;
		/* Too short to be told from junk by anything but its CRC. */
		return choose_size(bytes, length, EXCEPTION_SIZE, 0, 0);
	}
	if (brings_registers(bytes[1])) {
		if (length < HEAD)
			return 0;
		response = response_size(bytes[2]);
		return choose_size(
			bytes, length, response, request_size(bytes, length), response);
	}
	if (bytes[1] == WRITE_ONE)
		return choose_size(bytes, length, ACK_SIZE, 0, 0);
	if (bytes[1] == WRITE_MANY) {
		size_t request;

		if (length < 7)
			return 0;
		request = bytes[6] != 0 && bytes[6] % 2 == 0 && bytes[6] <= 246
			? (size_t)7 + bytes[6] + CRC
			: 0;
		return choose_size(bytes, length, ACK_SIZE, request, 0);
	}
	return -1;
}

static enum sensor_result parse_registers(
	const uint8_t *frame, size_t length, struct rtu_message *message)
{
	if (length == RTU_REQUEST_SIZE && message->function != READ_MEMORY) {
		message->kind = RTU_REQUEST;
		message->address = (uint16_t)(frame[2] << 8 | frame[3]);
		message->count = (uint16_t)(frame[4] << 8 | frame[5]);
		return message->count > 0 && message->count <= RTU_REGISTERS_MAX
			? SENSOR_OK
			: SENSOR_BAD_LENGTH;
	}
	if (response_size(frame[2]) != length)
		return SENSOR_BAD_LENGTH;
	message->kind = RTU_RESPONSE;
	message->count = frame[2] / 2;
	message->data = frame + HEAD;
	return SENSOR_OK;
}

enum sensor_result rtu_parse(
	const uint8_t *frame, size_t length, struct rtu_message *message)
{
	memset(message, 0, sizeof(*message));
	if (length < EXCEPTION_SIZE || length > RTU_MAX)
		return SENSOR_BAD_LENGTH;
	if (!crc_is_right(frame, length))
		return SENSOR_BAD_CHECKSUM;
	message->unit = frame[0];
	message->function = frame[1] & ~EXCEPTION_BIT;
	if (frame[1] & EXCEPTION_BIT) {
		if (length != EXCEPTION_SIZE)
			return SENSOR_BAD_LENGTH;
		message->kind = RTU_EXCEPTION;
		message->exception = frame[2];
		return SENSOR_OK;
	}
	if (brings_registers(message->function))
		return parse_registers(frame, length, message);
	if (message->function != WRITE_ONE && message->function != WRITE_MANY)
		return SENSOR_BAD_SYNC;
	message->kind = RTU_OTHER;
	return SENSOR_OK;
}

const char *rtu_exception_name(uint8_t code)
{
	static const char *const names[] = {
		[0x01] = "illegal function",
		[0x02] = "illegal data address",
		[0x03] = "illegal data value",
		[0x04] = "device failure",
		[0x05] = "acknowledged, not ready yet",
		[0x06] = "device busy",
		[0x08] = "memory parity error",
		[0x0A] = "gateway path unavailable",
		[0x0B] = "gateway target does not answer",
	};

	if (code >= sizeof(names) / sizeof(names[0]) || names[code] == NULL)
		return "unknown exception";
	return names[code];
}
