/*
 * What Modbus devices hang on: a serial port with RTU frames, or a TCP connection
 * with Modbus TCP's. One request at a time, one thread. Only modbus_bus.c uses it.
 *
 * The receive path is our own. libmodbus takes an echo for the answer, gives up at
 * the first byte that is not the answer's, and drops nothing late; it stays the
 * independent peer of the tests.
 */
#ifndef MUABUI_SENSORS_MODBUS_LINE_H
#define MUABUI_SENSORS_MODBUS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensors/modbus.h"
#include "sensors/rtu_reply.h"

enum {
	LINE_DETAIL_SIZE = 96,
	LINE_TCP_SIZE = 260, /* the longest Modbus TCP frame */
};

struct modbus_line {
	const struct modbus_options *options; /* port or url, and the line's settings */
	int64_t silence_ms;                   /* before each request */
	int wake_fd;                          /* readable: stop waiting */
	int fd;                               /* -1: closed */
	bool stopping;                        /* wake_fd was readable */
	char detail[LINE_DETAIL_SIZE];        /* of the latest failure, for the log */
	size_t skipped; /* bytes that answered nothing; the bus takes and zeroes it */
	/* private */
	int64_t quiet_ms; /* real time until which nothing is sent */
	bool rs485_said;
	struct rtu_reply reply;
	uint16_t transaction; /* TCP: of the last request */
	unsigned unanswered;  /* TCP: requests in a row */
	size_t tcp_used;
	uint8_t tcp_bytes[LINE_TCP_SIZE]; /* TCP: what has come of a frame */
};

/* OPTIONS and WAKE_FD must outlive the line. SILENCE_MS is at least 3.5 characters'. */
void modbus_line_init(struct modbus_line *line, const struct modbus_options *options,
	int64_t silence_ms, int wake_fd);

/* 3.5 characters, and what the clock's grain takes. */
int64_t modbus_line_silence_ms(const struct modbus_options *options);

/*
 * Opens the port, or connects (up to 5 s; names are looked up by the system, which may
 * take longer). 0, or -1 with the reason, as a sentence for people, in WHY.
 */
int modbus_line_open(struct modbus_line *line, char *why, size_t size);
void modbus_line_close(struct modbus_line *line);

/* What to say when the line is lost. */
void modbus_line_say_gone(const struct modbus_line *line, char *why, size_t size);

/*
 * Asks UNIT for BLOCK and waits up to TIMEOUT_MS for the answer. SENSOR_OK: the exchange,
 * the request and the response behind it as RTU frames, is in EXCHANGE, LENGTH bytes.
 * SENSOR_PORT_ERROR: the line is lost. The rest, and .stopping, as they say.
 */
enum sensor_result modbus_line_ask(struct modbus_line *line, int unit,
	const struct modbus_block *block, int64_t timeout_ms,
	uint8_t exchange[static MODBUS_EXCHANGE_MAX], size_t *length);

/*
 * Waits until WHEN_MS; what comes meanwhile is nobody's answer and counted in .skipped.
 * False when the line is lost.
 */
bool modbus_line_idle(struct modbus_line *line, int64_t when_ms);

/* --- Modbus TCP (modbus_tcp.c) ------------------------------------------------ */

/* As modbus_line_open(). */
int modbus_tcp_open(struct modbus_line *line, char *why, size_t size);

/* Sends REQUEST, an RTU frame, as Modbus TCP. False when the connection is lost. */
bool modbus_tcp_send(
	struct modbus_line *line, const uint8_t request[static RTU_REQUEST_SIZE]);

/*
 * Reads what has come, without waiting. The frame that answers the last request goes to
 * line->reply as an RTU frame, all others are skipped. 1: it has come, 0: not yet, -1:
 * the connection is lost, or what comes is no Modbus TCP.
 */
int modbus_tcp_read(struct modbus_line *line);

#endif
