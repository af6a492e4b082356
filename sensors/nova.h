/*
 * What the Nova Fitness SDS dust sensors have in common: frames of ten bytes.
 *
 *   9600 8N1, 3.3 V levels, 5 V supply. Little endian.
 *
 *   0  AA      head
 *   1  C0      data of the SDS011, 018, 021; CF of the SDS198;
 *              C5 the answer to a command
 *   2  four bytes of data
 *   6  id      two bytes
 *   8  low byte of the sum of bytes 2 to 7 (the head is not in it)
 *   9  AB      tail
 */
#ifndef MUABUI_SENSORS_NOVA_H
#define MUABUI_SENSORS_NOVA_H

#include "sensors/sensor.h"

enum {
	NOVA_FRAME_SIZE = 10,
	NOVA_HEAD = 0xAA,
	NOVA_TAIL = 0xAB,
	NOVA_DATA = 0xC0,
	NOVA_ANSWER = 0xC5,
	NOVA_SDS198 = 0xCF,
	NOVA_MODE = 0x02, /* commands, also in their answers */
	NOVA_QUERY = 0x04,
	NOVA_ID = 0x05,
	NOVA_WORK = 0x06,
	NOVA_FIRMWARE = 0x07,
	NOVA_PERIOD = 0x08,
};

/* sensor_driver.frame: any of the three kinds. */
ssize_t nova_frame(const uint8_t *bytes, size_t length);

/* The checksum of a frame. */
uint8_t nova_sum(const uint8_t *frame);

/* Length, head, tail and sum of FRAME; its kind (byte 1) is the caller's to check. */
enum sensor_result nova_check(const uint8_t *frame, size_t length);

#endif
