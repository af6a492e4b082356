/*
 * The answer to one RTU request, found in whatever the line brings: behind the echo
 * of the request, behind a 0x00 or other junk, behind somebody else's late answer,
 * and in pieces. Pure: no port, no clock. The live bus and the fuzzer run it.
 *
 * An answer is one whose unit, function, length and CRC are right; nothing less is
 * ever taken. Register answers do not say which registers they bring: that nobody
 * else is owed an answer of this shape by this unit is the caller's business.
 */
#ifndef MUABUI_SENSORS_RTU_REPLY_H
#define MUABUI_SENSORS_RTU_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensors/rtu.h"

enum {
	/* An echo, a foreign answer, junk, and the answer itself. */
	RTU_REPLY_SIZE = RTU_REQUEST_SIZE + 3 * RTU_MAX,
};

/* What has been seen that is not the answer. */
enum rtu_reply_seen {
	RTU_SEEN_ECHO = 1 << 0,    /* our own request */
	RTU_SEEN_FOREIGN = 1 << 1, /* a whole frame of another unit or function */
	RTU_SEEN_LENGTH = 1 << 2,  /* a whole frame of ours with another length */
	RTU_SEEN_DAMAGED = 1 << 3, /* like the answer but for its CRC */
	RTU_SEEN_BEGUN = 1 << 4,   /* the head of the answer, and no end so far */
};

struct rtu_reply {
	uint8_t request[RTU_REQUEST_SIZE];
	unsigned seen;        /* enum rtu_reply_seen, or-ed */
	uint8_t foreign_unit; /* the last one, if RTU_SEEN_FOREIGN */
	size_t skipped;       /* bytes so far that are neither echo nor answer */
	size_t frame;         /* where the answer begins in bytes */
	size_t frame_length;  /* 0: it has not come */
	size_t used;
	size_t begin; /* where the answer may be: behind what was a frame of its own */
	uint8_t bytes[RTU_REPLY_SIZE];
};

/* Begins to wait for the answer to REQUEST, which reads registers. */
void rtu_reply_begin(
	struct rtu_reply *reply, const uint8_t request[static RTU_REQUEST_SIZE]);

/*
 * Takes LENGTH bytes. True when the answer, or the unit's exception, is there: .frame
 * and .frame_length tell where. What follows it is not looked at.
 */
bool rtu_reply_put(struct rtu_reply *reply, const uint8_t *bytes, size_t length);

/* Has no more room: the line brings nothing but junk. */
bool rtu_reply_is_full(const struct rtu_reply *reply);

/*
 * No more bytes will come: SENSOR_OK or SENSOR_DEVICE_ERROR when the answer is there,
 * else what comes nearest to it; SENSOR_TIMEOUT: nothing but the echo and the odd byte.
 */
enum sensor_result rtu_reply_verdict(const struct rtu_reply *reply);

#endif
