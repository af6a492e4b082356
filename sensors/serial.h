/*
 * Serial ports: their options, opening them for us alone, and telling "nothing
 * came" from "it is gone".
 */
#ifndef MUABUI_SENSORS_SERIAL_H
#define MUABUI_SENSORS_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/option.h"

enum serial_parity { SERIAL_PARITY_NONE, SERIAL_PARITY_EVEN, SERIAL_PARITY_ODD };
extern const char *const serial_parity_names[]; /* NULL-ended */

/* The FIRST member of the options of every driver on a serial line. */
struct serial_options {
	const char *port; /* as the user wrote it; resolved anew at each opening */
	int baud;
	int parity;    /* enum serial_parity */
	int stop_bits; /* 1, 2 */
	int data_bits; /* 7, 8 */
};

/* The row of serial_options.port, being MEMBER of struct TYPE, for a driver's table. */
#define SERIAL_PORT_OPTION(TYPE, MEMBER)                                            \
	{                                                                           \
		.name = "port", .type = OPTION_PATH,                                \
		.offset = offsetof(TYPE, MEMBER.port), .required = true,            \
		.help = "The serial port; names under /dev/serial/by-path survive " \
			"replugging.",                                              \
	}

/* All rows of serial_options. */
#define SERIAL_OPTIONS(TYPE, MEMBER, BAUD, PARITY) \
	SERIAL_PORT_OPTION(TYPE, MEMBER), SERIAL_LINE_OPTIONS(TYPE, MEMBER, BAUD, PARITY)

/* All rows but the port's. */
#define SERIAL_LINE_OPTIONS(TYPE, MEMBER, BAUD, PARITY)                                \
	{                                                                              \
		.name = "baud",                                                        \
		.type = OPTION_INTEGER,                                                \
		.offset = offsetof(TYPE, MEMBER.baud),                                 \
		.fallback = BAUD,                                                      \
		.min = 300,                                                            \
		.max = 921600,                                                         \
		.unit = "bit/s",                                                       \
		.help = "Speed of the line.",                                          \
	},                                                                             \
		{                                                                      \
			.name = "parity",                                              \
			.type = OPTION_CHOICE,                                         \
			.offset = offsetof(TYPE, MEMBER.parity),                       \
			.fallback = PARITY,                                            \
			.choices = serial_parity_names,                                \
			.help = "Parity bit of the line.",                             \
		},                                                                     \
		{                                                                      \
			.name = "stop_bits",                                           \
			.type = OPTION_INTEGER,                                        \
			.offset = offsetof(TYPE, MEMBER.stop_bits),                    \
			.fallback = "1",                                               \
			.min = 1,                                                      \
			.max = 2,                                                      \
			.help = "Stop bits of the line.",                              \
		},                                                                     \
	{                                                                              \
		.name = "data_bits", .type = OPTION_INTEGER,                           \
		.offset = offsetof(TYPE, MEMBER.data_bits), .fallback = "8", .min = 7, \
		.max = 8, .help = "Data bits of the line.",                            \
	}

/* option_group.check for options that begin with struct serial_options. */
void serial_check(const void *values, const struct config_place *place);

/* Microseconds one character takes on the line. */
int64_t serial_char_us(const struct serial_options *options);

/*
 * Opens the port raw and for this process alone (flock, and TIOCEXCL on real ports),
 * input flushed. Never blocks. The descriptor, or -1 with errno and the reason, as a
 * sentence for people, in WHY.
 */
int serial_open(const struct serial_options *options, char *why, size_t size);

/* Gives an open port other settings and flushes it. -1 with errno when it cannot do them.
 */
int serial_set_line(int fd, const struct serial_options *options);

/* The sentence for a port that is not there (any more). */
void serial_say_gone(const struct serial_options *options, char *why, size_t size);

/* Gives the port up. Accepts -1. */
void serial_close(int fd);

enum serial_wait {
	SERIAL_QUIET, /* the time is over */
	SERIAL_READY, /* there are bytes */
	SERIAL_WOKEN, /* WAKE_FD became readable: stop */
	SERIAL_GONE,  /* hung up, unplugged */
};

/* Waits for bytes on FD (-1: none), for WAKE_FD, or MS real milliseconds (-1: no limit).
 */
enum serial_wait serial_wait(int fd, int wake_fd, int64_t ms);

/* Reads what is there: bytes read, 0 when nothing is, -1 with errno when the port is
 * gone. */
ssize_t serial_read(int fd, void *bytes, size_t size);

/*
 * Writes all of BYTES, waiting up to a second for room. 0, or -1 with errno when the port
 * is gone or takes nothing.
 */
int serial_write(int fd, const void *bytes, size_t length);

/* How long to wait before trying a lost port again: 200 ms, doubling to 30 s, and jitter.
 */
struct serial_backoff {
	unsigned failures;
};
int64_t serial_backoff_ms(struct serial_backoff *backoff);

#endif
