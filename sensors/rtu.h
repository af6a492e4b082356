/*
 * Modbus RTU frames as bytes: building, finding and reading them, without any
 * port. The live bus, `muabui decode modbus`, the simulator and the fuzzers
 * share it.
 */
#ifndef MUABUI_SENSORS_RTU_H
#define MUABUI_SENSORS_RTU_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sensors/sensor.h"

enum {
	RTU_MAX = 256,           /* bytes in one frame */
	RTU_REQUEST_SIZE = 8,    /* a request to read registers */
	RTU_REGISTERS_MAX = 125, /* in one request */
};

enum rtu_kind {
	RTU_REQUEST,   /* asks for registers: address and count are valid */
	RTU_RESPONSE,  /* brings registers: data and count are valid */
	RTU_EXCEPTION, /* the slave says no: exception is valid */
	RTU_OTHER,     /* well-formed, of no interest here: a write or its answer */
};

struct rtu_message {
	enum rtu_kind kind;
	uint8_t unit;        /* 0..255 as it stands on the wire */
	uint8_t function;    /* without the exception bit */
	uint8_t exception;   /* the code, 0: none */
	uint16_t address;    /* wire address of the first register */
	uint16_t count;      /* registers asked for or brought */
	const uint8_t *data; /* 2 × count bytes, inside the frame */
};

/* CRC-16/MODBUS; its low byte is sent first. */
uint16_t rtu_crc(const uint8_t *bytes, size_t length);

/* Writes the CRC of FRAME's first LENGTH bytes behind them; returns LENGTH + 2. */
size_t rtu_seal(uint8_t *frame, size_t length);

/* Builds the request to read COUNT registers from ADDRESS; function 3 or 4. */
void rtu_request(uint8_t frame[static RTU_REQUEST_SIZE], uint8_t unit, uint8_t function,
	uint16_t address, uint16_t count);

/*
 * The frame at the start of BYTES, as sensor_driver.frame. Requests and responses look
 * alike: the length whose CRC is right wins; with none right, a response's length.
 */
ssize_t rtu_frame(const uint8_t *bytes, size_t length);

/* Reads one whole frame. SENSOR_OK, or what is wrong: length, sync, checksum. */
enum sensor_result rtu_parse(
	const uint8_t *frame, size_t length, struct rtu_message *message);

/* "illegal data address", …; "unknown exception" for codes that have no name. */
const char *rtu_exception_name(uint8_t code);

#endif
