#include "sensors/stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/thread.h"
#include "sensors/framer.h"
#include "sensors/serial.h"

enum {
	READ_SIZE = 512,
	GAP_MS = 150,           /* no device pauses so long within a frame */
	SILENCE_MS = 10 * 1000, /* without a byte for so long: "timeout" */
	MIDLINE_MS = 40, /* a byte so soon after the opening is not a line's first */
	DETAIL_BYTES = 12,
	WHY_SIZE = 200,
};

struct stream {
	struct sensor *sensor;
	const struct serial_options *port;
	struct serial_backoff backoff;
	struct framer framer;
	int64_t heard_ms;  /* real time of the last byte, or of the last complaint */
	void *session;     /* the driver's, for its turns */
	bool is_waiting;   /* for the answer to the last request */
	int64_t opened_ms; /* real time; 0: a byte has come, or something was asked */
	int64_t turn_ms;  /* real time when the answer is late, or the next turn is due */
	int64_t pause_ms; /* after the answer */
	int64_t warm_ms;  /* real time from when on values count */
	enum sensor_result last; /* since the last turn */
	int fd;                  /* the port, -1 while it is closed */
	int wake_fd;
	pthread_t thread;
};

/* How much of the frame is text before its line's end; 0 where it is none. */
static size_t text_length(const struct framer *framer)
{
	size_t length = framer->frame_length;

	while (length > 0 &&
		(framer->frame[length - 1] == '\r' || framer->frame[length - 1] == '\n'))
		length--;
	for (size_t i = 0; i < length; i++)
		if (framer->frame[i] < 0x20 || framer->frame[i] > 0x7E)
			return 0;
	return length;
}

/*
 * The beginning of what was refused, as hex or as the text that it is: what an installer
 * wants to see.
 */
static void describe(const struct framer *framer, char *text, size_t size)
{
	size_t length = text_length(framer);
	size_t used = 0;

	text[0] = '\0';
	if (length > 0) {
		snprintf(
			text, size, "\"%.*s\"", (int)length, (const char *)framer->frame);
		return;
	}
	for (size_t i = 0;
		i < framer->frame_length && i < DETAIL_BYTES && used + 4 < size; i++)
		used += (size_t)snprintf(text + used, size - used,
			i > 0 ? " %02X" : "%02X", framer->frame[i]);
}

/* An answer came, or will not come any more: the next turn is after the pause. */
static void end_waiting(struct stream *stream)
{
	stream->is_waiting = false;
	stream->turn_ms = clock_real_ms() + clock_to_real_ms(stream->pause_ms);
}

static void tell(struct stream *stream, enum sensor_result result, struct report *report)
{
	char detail[4 * DETAIL_BYTES];

	if (result == SENSOR_OK && clock_real_ms() < stream->warm_ms)
		result = SENSOR_WARMING_UP;
	stream->last = result;
	if (stream->is_waiting)
		end_waiting(stream);

	if (result == SENSOR_OK)
		stream->backoff.failures = 0;
	if (result == SENSOR_OK && report->status != STATUS_FAULT) {
		sensor_deliver(stream->sensor, report);
		return;
	}
	if (result == SENSOR_OK) { /* values, and a complaint of itself: both are kept */
		sensor_deliver_part(stream->sensor, report);
		result = SENSOR_DEVICE_ERROR;
	}
	describe(&stream->framer, detail, sizeof(detail));
	sensor_note(stream->sensor, result, detail);
}

static void drain_frames(struct stream *stream)
{
	enum sensor_result result;
	struct report report;

	report_init(&report);
	while (framer_next(&stream->framer, &report, &result))
		tell(stream, result, &report);
	atomic_store(&stream->sensor->stats.skipped_bytes, stream->framer.skipped);
}

static void take_bytes(struct stream *stream, const uint8_t *bytes, size_t length)
{
	if (stream->opened_ms > 0 && clock_real_ms() - stream->opened_ms < MIDLINE_MS)
		framer_lose_line(&stream->framer);
	stream->opened_ms = 0;
	while (length > 0) {
		size_t taken = framer_put(&stream->framer, bytes, length);

		bytes += taken;
		length -= taken;
		drain_frames(stream);
	}
}

/* What is in the buffer has come to nothing: a frame that never ended. */
static void give_up_frame(struct stream *stream)
{
	framer_expire(&stream->framer);
	drain_frames(stream);
}

static void lose_port(struct stream *stream, const char *why)
{
	/* Closed first: a kernel gives the device a new name while the old one is held.
	 */
	serial_close(stream->fd);
	stream->fd = -1;
	atomic_store(&stream->sensor->stats.connected, false);
	give_up_frame(stream);
	sensor_note(stream->sensor, SENSOR_PORT_ERROR, why);
}

/* False when told to stop. */
static bool wait_and_open(struct stream *stream)
{
	char why[WHY_SIZE];

	for (;;) {
		stream->fd = serial_open(stream->port, why, sizeof(why));
		if (stream->fd >= 0)
			break;
		sensor_note(stream->sensor, SENSOR_PORT_ERROR, why);
		if (serial_wait(-1, stream->wake_fd,
			    serial_backoff_ms(&stream->backoff)) == SERIAL_WOKEN)
			return false;
	}
	atomic_store(&stream->sensor->stats.connected, true);
	stream->opened_ms = stream->heard_ms = stream->turn_ms = clock_real_ms();
	stream->is_waiting = false;
	stream->warm_ms = 0;
	stream->last = SENSOR_PORT_ERROR;
	memset(stream->session, 0, stream->sensor->driver->session_size);
	return true;
}

static void complain_of_silence(struct stream *stream)
{
	char detail[64];

	if (clock_real_ms() - stream->heard_ms < SILENCE_MS)
		return;
	stream->heard_ms = clock_real_ms();
	snprintf(detail, sizeof(detail), "no bytes for %d s", SILENCE_MS / 1000);
	sensor_note(stream->sensor, SENSOR_TIMEOUT, detail);
}

/* --- devices that are asked -------------------------------------------- */

static bool has_turns(const struct stream *stream)
{
	return stream->sensor->driver->turn != NULL;
}

/* Sends what the driver wants to send now. False when the port is gone. */
static bool take_turn(struct stream *stream)
{
	const struct sensor_driver *driver = stream->sensor->driver;
	uint8_t request[SENSOR_REQUEST_MAX];
	struct sensor_turn turn = driver->turn(
		stream->sensor->item->options, stream->session, stream->last, request);

	stream->last = SENSOR_TIMEOUT;
	stream->pause_ms = turn.pause_ms;
	if (turn.warmup_ms > 0)
		stream->warm_ms = clock_real_ms() + clock_to_real_ms(turn.warmup_ms);
	if (turn.length > 0) { /* what comes next is its answer, from the beginning */
		stream->opened_ms = 0;
		framer_begin_line(&stream->framer);
	}
	if (turn.length > 0 && serial_write(stream->fd, request, turn.length) < 0)
		return false;
	stream->is_waiting = turn.wait_ms > 0;
	if (stream->is_waiting)
		stream->turn_ms = clock_real_ms() + turn.wait_ms;
	else
		end_waiting(stream);
	return true;
}

/* Does what is due. False when the port is gone. */
static bool keep_talking(struct stream *stream)
{
	if (!has_turns(stream) || clock_real_ms() < stream->turn_ms)
		return true;
	if (stream->is_waiting) {
		give_up_frame(stream);
		if (stream->is_waiting) { /* not even a damaged answer */
			sensor_note(stream->sensor, SENSOR_TIMEOUT, "no answer");
			end_waiting(stream);
		}
		return true;
	}
	return take_turn(stream);
}

/* Real time until something has to be done even if no byte comes. */
static int64_t time_limit(const struct stream *stream)
{
	int64_t limit = framer_is_pending(&stream->framer) ? GAP_MS : SILENCE_MS;

	if (has_turns(stream)) {
		int64_t left = stream->turn_ms - clock_real_ms();
		if (left < limit)
			limit = left > 0 ? left : 0;
	}
	return limit;
}

/* Reads until the port is lost (true) or we are told to stop (false). */
static bool listen_to_port(struct stream *stream)
{
	uint8_t bytes[READ_SIZE];
	char why[WHY_SIZE];

	for (;;) {
		bool is_there = keep_talking(stream);
		int64_t limit = is_there ? time_limit(stream) : 0;
		enum serial_wait wait = serial_wait(stream->fd, stream->wake_fd, limit);
		ssize_t length = 0;

		if (wait == SERIAL_WOKEN)
			return false;
		if (!is_there)
			wait = SERIAL_GONE;
		if (wait == SERIAL_QUIET) {
			if (limit >= GAP_MS)
				give_up_frame(stream);
			if (!has_turns(stream))
				complain_of_silence(stream);
			continue;
		}
		if (wait == SERIAL_READY)
			length = serial_read(stream->fd, bytes, sizeof(bytes));
		if (wait == SERIAL_GONE || length < 0) {
			serial_say_gone(stream->port, why, sizeof(why));
			lose_port(stream, why);
			return true;
		}
		if (length > 0) {
			stream->heard_ms = clock_real_ms();
			take_bytes(stream, bytes, (size_t)length);
		}
	}
}

static void *stream_run(void *arg)
{
	struct stream *stream = arg;

	while (wait_and_open(stream) && listen_to_port(stream)) {
		/* Not at once: a port may come back only to go again. */
		if (serial_wait(-1, stream->wake_fd,
			    serial_backoff_ms(&stream->backoff)) == SERIAL_WOKEN)
			break;
	}
	serial_close(stream->fd);
	stream->fd = -1;
	atomic_store(&stream->sensor->stats.connected, false);
	return NULL;
}

struct stream *stream_start(struct sensor *sensor)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	struct framer_code code = framer_code_of(sensor->driver, sensor->item->options);
	char name[16];

	if (stream == NULL)
		return NULL;
	stream->sensor = sensor;
	stream->port = sensor->item->options;
	stream->fd = -1;
	framer_init(&stream->framer, &code);
	stream->session = calloc(1, sensor->driver->session_size + 1);
	stream->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (stream->wake_fd < 0 || stream->session == NULL)
		goto failed;
	snprintf(name, sizeof(name), "s:%.12s", sensor->name);
	if (thread_start(&stream->thread, name, stream_run, stream) != 0)
		goto failed;
	return stream;
failed:
	log_error("sensor %s: cannot start: %s", sensor->name, strerror(errno));
	if (stream->wake_fd >= 0)
		close(stream->wake_fd);
	free(stream->session);
	free(stream);
	return NULL;
}

void stream_stop(struct stream *stream)
{
	if (stream == NULL)
		return;
	eventfd_write(stream->wake_fd, 1);
	pthread_join(stream->thread, NULL);
	close(stream->wake_fd);
	free(stream->session);
	free(stream);
}
