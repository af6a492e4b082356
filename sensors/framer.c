#include "sensors/framer.h"

#include <assert.h>
#include <string.h>

enum {
	/* so many frames' worth of junk are one "sync" */
	JUNK_FRAMES = 8,
	/* fewer bytes are no truncated frame, only junk */
	TRUNCATED_MIN = 2,
};

void framer_init(struct framer *framer, const struct framer_code *code)
{
	assert(code->frame_max > 0 && code->frame_max <= FRAMER_FRAME_MAX);
	framer->code = *code;
	framer->skipped = 0;
	framer->frame = NULL;
	framer->frame_length = 0;
	framer->start = framer->end = 0;
	framer->suspect = framer->junk = 0;
	framer->closing = framer->after_frame = framer->is_shared = false;
	framer->in_line = false;
}

struct framer_code framer_code_of(const struct sensor_driver *driver, const void *options)
{
	return (struct framer_code){
		.frame = driver->frame,
		.decode = driver->decode,
		.options = options,
		.frame_max = driver->frame_max,
		.by_line = driver->by_line,
	};
}

size_t framer_put(struct framer *framer, const uint8_t *bytes, size_t length)
{
	/* The last byte of a good frame may turn out to be the next one's first. */
	size_t kept = framer->after_frame && framer->start > 0 ? 1 : 0;
	size_t gone = framer->start - kept;
	size_t room;

	memmove(framer->bytes, framer->bytes + gone, framer->end - gone);
	framer->end -= gone;
	framer->start = kept;
	framer->closing = false;
	framer->frame = NULL;
	framer->frame_length = 0;
	room = sizeof(framer->bytes) - framer->end;
	if (length > room)
		length = room;
	memcpy(framer->bytes + framer->end, bytes, length);
	framer->end += length;
	return length;
}

static void skip_byte(struct framer *framer)
{
	framer->start++;
	framer->after_frame = false;
	if (framer->is_shared) {
		framer->is_shared = false;
		return;
	}
	framer->skipped++;
	if (framer->suspect > 0)
		framer->suspect--;
	else
		framer->junk++;
}

/* The start failed, and with it LENGTH bytes are in doubt. Is that news? */
static bool fail(struct framer *framer, size_t length)
{
	bool news = framer->suspect == 0;

	framer->frame = framer->bytes + framer->start;
	framer->frame_length = length;
	if (framer->suspect < length)
		framer->suspect = length;
	if (news)
		framer->junk = 0;
	skip_byte(framer);
	return news;
}

static bool has_framing_failed(enum sensor_result result)
{
	return result == SENSOR_BAD_LENGTH || result == SENSOR_BAD_SYNC ||
		result == SENSOR_BAD_CHECKSUM;
}

static bool decode_frame(struct framer *framer, size_t length, struct report *report,
	enum sensor_result *result)
{
	report->count = 0;
	report->marks = 0;
	report->status = STATUS_MEASURING;
	*result = framer->code.decode(
		framer->code.options, framer->bytes + framer->start, length, report);
	if (has_framing_failed(*result)) {
		if (!framer->code.by_line)
			return fail(framer, length);
		framer->skipped += length;
	}
	framer->frame = framer->bytes + framer->start;
	framer->frame_length = length;
	framer->start += length;
	framer->suspect = framer->junk = 0;
	framer->after_frame = true;
	framer->is_shared = false;
	return true;
}

/*
 * No frame starts right behind a good one. Where a frame lost its last byte and the next
 * one begins with just that byte, the good one has eaten the next one's first: is it so?
 */
static bool step_back(struct framer *framer)
{
	ssize_t length;

	if (!framer->after_frame)
		return false;
	framer->after_frame = false;
	length = framer->code.frame(
		framer->bytes + framer->start - 1, framer->end - framer->start + 1);
	/* That byte alone is no other frame: it would be found again and again. */
	if (length < 0 || length == 1)
		return false;
	framer->start--;
	framer->is_shared = true;
	return true;
}

/* Drops what belongs to a lost line; its end is looked for in what comes later, too. */
static void skip_line(struct framer *framer)
{
	while (framer->in_line && framer->start < framer->end) {
		uint8_t c = framer->bytes[framer->start++];

		framer->skipped++;
		if (c == '\r' && framer->start < framer->end &&
			framer->bytes[framer->start] == '\n')
			continue; /* the end is behind both */
		framer->in_line = c != '\n' && c != '\r';
	}
}

/* The line at the start is too long, or its end does not come. */
static void fail_line(struct framer *framer, size_t length)
{
	framer->frame = framer->bytes + framer->start;
	framer->frame_length = length;
	framer->in_line = true;
	framer->after_frame = false;
	skip_line(framer);
}

bool framer_next(struct framer *framer, struct report *report, enum sensor_result *result)
{
	skip_line(framer);
	while (framer->start < framer->end) {
		const uint8_t *bytes = framer->bytes + framer->start;
		size_t available = framer->end - framer->start;
		ssize_t length = framer->code.frame(bytes, available);

		if (length > (ssize_t)framer->code.frame_max) {
			if (framer->code.by_line) {
				fail_line(framer, available);
				*result = SENSOR_BAD_LENGTH;
				return true;
			}
			length = -1;
		}
		if (length == 0 || length > (ssize_t)available) {
			/* More than the longest frame is there, and it wants more still.
			 */
			if (!framer->closing && available < framer->code.frame_max)
				return false;
			*result = SENSOR_BAD_LENGTH;
			if (framer->code.by_line) {
				fail_line(framer, available);
				return true;
			}
			if (available < TRUNCATED_MIN)
				skip_byte(framer);
			else if (fail(framer, available))
				return true;
		} else if (length < 0) {
			if (step_back(framer))
				continue;
			skip_byte(framer);
			if (framer->junk >= JUNK_FRAMES * framer->code.frame_max) {
				framer->junk = 0;
				framer->frame = framer->bytes + framer->start;
				framer->frame_length = 0;
				*result = SENSOR_BAD_SYNC;
				return true;
			}
		} else if (decode_frame(framer, (size_t)length, report, result)) {
			return true;
		}
	}
	framer->closing = false;
	return false;
}

void framer_expire(struct framer *framer)
{
	framer->closing = true;
}

void framer_lose_line(struct framer *framer)
{
	framer->in_line = framer->code.by_line;
}

void framer_begin_line(struct framer *framer)
{
	framer->in_line = false;
}

bool framer_is_pending(const struct framer *framer)
{
	return framer->start < framer->end;
}
