/*
 * Lines of text from devices: finding their end, taking them apart, and the CRC that
 * SDI-12 and Vaisala put behind them. Pure.
 */
#ifndef MUABUI_SENSORS_LINE_H
#define MUABUI_SENSORS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { LINE_CRC_SIZE = 3 };

/* A part of a text; points into it, ends in no NUL. */
struct span {
	const char *at;
	size_t length;
};

/*
 * For sensor_driver.frame: the length of the line at BYTES, its LF included; 0: no end
 * yet; -1: none begins here, because a byte that no line of ASCII holds comes before the
 * end, or it is longer than MAX. Blank lines are none either.
 */
ssize_t line_frame(const uint8_t *bytes, size_t length, size_t max);

/*
 * The same for devices that nothing is known of (sensor_driver.by_line): whatever comes,
 * up to LF or CR; MAX + 1 stands for a line that is too long. The LF that follows a CR a
 * little later is a frame of its own.
 */
ssize_t line_frame_any(const uint8_t *bytes, size_t length, size_t max);

/* The line without its end and the blanks around it. */
struct span line_body(const uint8_t *bytes, size_t length);

/* Without the blanks, tabs, CRs and LFs around it. */
struct span span_trim(struct span span);

/*
 * Cuts the text before DELIMITER off the front of REST into FIELD. False when nothing is
 * left: "a,,b" has three fields, "a," two, "" one; REST->at is NULL after the last.
 */
bool span_split(struct span *rest, char delimiter, struct span *field);

/* Is there a character that no line of text holds (NUL, escape, …; not above ASCII)? */
bool span_has_control(struct span span);

bool span_is(struct span span, const char *text);
bool span_begins(struct span span, const char *text);

/* The whole of SPAN as a number; see number_parse(). */
bool span_number(struct span span, double *value);

/* The three characters that stand for TEXT's CRC. */
void line_crc(struct span text, char crc[static LINE_CRC_SIZE]);

/* Takes the CRC off the end of TEXT. False when it is not TEXT's. */
bool line_take_crc(struct span *text);

#endif
