#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sensors/hex.h"
#include "sensors/simulate.h"

/* Reads the rows, so that what is heard can be held against them. */
static void read_rows(struct simulate_device *device)
{
	const struct simulate_row *row = device->simulation->rows;
	bool is_text = device->settings->driver->is_text;

	for (; row != NULL && row->heard != NULL; row++) {
		struct simulate_question *question =
			&device->questions[device->question_count++];
		const char *said = row->said != NULL ? row->said : "";

		assert(device->question_count <= SIMULATE_ROWS_MAX);
		assert(strlen(row->heard) <= SIMULATE_QUESTION_MAX &&
			strlen(said) <= SIMULATE_QUESTION_MAX);
		hex_read_capture((const uint8_t *)row->heard, strlen(row->heard), is_text,
			question->heard, &question->heard_length);
		hex_read_capture((const uint8_t *)said, strlen(said), is_text,
			question->said, &question->said_length);
	}
}

int simulate_device_open(struct simulate_device *device,
	const struct simulate_settings *settings, char *why, size_t size)
{
	const struct simulation *simulation = settings->driver->simulation;
	const char *sample = simulation->sample;

	*device = (struct simulate_device){
		.settings = settings,
		.simulation = simulation,
		.now = { .pm25 = NAN },
		.is_talking = settings->mode == SIMULATE_AS_USUAL
			? !simulation->is_asked
			: settings->mode == SIMULATE_TALKING,
	};
	read_rows(device);
	if (settings->register_file != NULL &&
		simulate_registers_load(&device->registers, settings->register_file,
			settings->unit_id, why, size) != 0)
		return -1;
	for (size_t i = 0; i < settings->fixture_count; i++)
		if (recording_load(&device->recording, settings->driver,
			    settings->fixtures[i], why, size) != 0)
			return -1;
	if (settings->fixture_count > 0 || sample == NULL)
		return 0;
	return recording_add(&device->recording, settings->driver,
		(const uint8_t *)sample, strlen(sample), why, size);
}

void simulate_device_close(struct simulate_device *device)
{
	recording_free(&device->recording);
}

/* The next frame as it is measured; what a fixture says is played as it is. */
static size_t measure(
	struct simulate_device *device, uint8_t frame[static SIMULATE_FRAME_MAX])
{
	size_t length = recording_next(&device->recording, frame);

	if (length > 0 && device->settings->fixture_count == 0 &&
		device->simulation->follow != NULL)
		length = device->simulation->follow(&device->now, length, frame);
	return length;
}

static size_t keep(struct simulate_device *device, const uint8_t *frame, size_t length)
{
	device->last_length = length;
	memcpy(device->last, frame, length);
	return length;
}

size_t simulate_device_say(
	struct simulate_device *device, uint8_t frame[static SIMULATE_FRAME_MAX])
{
	if (!device->is_talking)
		return 0;
	return keep(device, frame, measure(device, frame));
}

size_t simulate_device_hear(
	struct simulate_device *device, const uint8_t *bytes, size_t length)
{
	size_t room = sizeof(device->heard) - device->heard_length;

	if (length > room)
		length = room;
	memcpy(device->heard + device->heard_length, bytes, length);
	device->heard_length += length;
	return length;
}

/* The row whose request begins what was heard; *MAY_COME: one is not whole yet. */
static size_t find_row(const struct simulate_device *device, bool *may_come)
{
	size_t i = 0;

	*may_come = false;
	for (; i < device->question_count; i++) {
		const struct simulate_question *question = &device->questions[i];
		size_t length = question->heard_length;

		if (length > device->heard_length)
			length = device->heard_length;
		if (memcmp(question->heard, device->heard, length) != 0)
			continue;
		if (length == question->heard_length)
			break;
		*may_come = true;
	}
	return i;
}

static size_t answer_row(struct simulate_device *device, size_t index, uint8_t *frame)
{
	const struct simulate_question *question = &device->questions[index];
	const struct simulate_row *row = &device->simulation->rows[index];

	if (row->effect != SIMULATE_NOTHING)
		device->is_talking = row->effect == SIMULATE_TALK;
	if (row->said == NULL)
		return SIMULATE_NEXT;
	memcpy(frame, question->said, question->said_length);
	return question->said_length;
}

/* One try at the start of what was heard. */
static size_t answer_once(struct simulate_device *device, size_t *used, uint8_t *frame)
{
	const struct simulation *simulation = device->simulation;
	bool may_come;
	size_t index = find_row(device, &may_come);

	if (index < device->question_count) {
		*used = device->questions[index].heard_length;
		return answer_row(device, index, frame);
	}
	*used = may_come ? 0 : 1;
	if (!may_come && simulation->reply != NULL)
		return simulation->reply(device, used, frame);
	if (simulation->rows == NULL && simulation->reply == NULL) {
		/* It knows no requests: whatever comes at once is one. */
		*used = device->heard_length;
		return device->is_talking ? 0 : SIMULATE_NEXT;
	}
	return 0;
}

size_t simulate_device_answer(
	struct simulate_device *device, uint8_t frame[static SIMULATE_FRAME_MAX])
{
	while (device->heard_length > 0) {
		size_t used = 1;
		size_t length = answer_once(device, &used, frame);

		if (used == 0 && device->heard_length < sizeof(device->heard))
			return 0;
		if (used == 0) /* full, and no request in it */
			used = device->heard_length;
		device->heard_length -= used;
		memmove(device->heard, device->heard + used, device->heard_length);
		if (length == SIMULATE_AGAIN) {
			memcpy(frame, device->last, device->last_length);
			return device->last_length;
		}
		if (length == SIMULATE_NEXT)
			length = keep(device, frame, measure(device, frame));
		if (length > 0)
			return length;
	}
	return 0;
}

size_t simulate_line(uint8_t frame[static SIMULATE_FRAME_MAX], const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf((char *)frame, SIMULATE_FRAME_MAX, format, args);
	va_end(args);
	return length < 0 || length >= SIMULATE_FRAME_MAX ? 0 : (size_t)length;
}
