#include "sensors/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensors/hex.h"
#include "sensors/rtu.h"

enum { FILE_MAX = 1 << 20 };

/* The end of a piece; false: no memory. */
static bool end_piece(struct recording *recording, size_t end)
{
	size_t *ends = realloc(recording->ends, (recording->count + 1) * sizeof(*ends));

	if (ends == NULL)
		return false;
	recording->ends = ends;
	ends[recording->count++] = end;
	return true;
}

/* Bytes from AT to the end of the frame that begins there; 0: none does. */
static size_t frame_at(
	const struct recording *recording, const struct sensor_driver *driver, size_t at)
{
	size_t left = recording->length - at;
	ssize_t length = driver->bus == SENSOR_BUS_MODBUS
		? rtu_frame(recording->bytes + at, left)
		: driver->frame(recording->bytes + at, left);

	return length > 0 && (size_t)length <= left ? (size_t)length : 0;
}

/* Cuts what is behind FROM into pieces. False: no memory. */
static bool cut(
	struct recording *recording, const struct sensor_driver *driver, size_t from)
{
	size_t begin = from; /* of the piece */
	size_t at = from;

	while (at < recording->length) {
		size_t length = frame_at(recording, driver, at);
		bool is_full = at - begin == RECORDING_PIECE_MAX;

		if (length > RECORDING_PIECE_MAX)
			length = 0;
		if ((length > 0 || is_full) && at > begin && !end_piece(recording, at))
			return false;
		if (length > 0 || is_full)
			begin = at;
		if (length > 0 && !end_piece(recording, at + length))
			return false;
		at += length > 0 ? length : 1;
		if (length > 0)
			begin = at;
	}
	return begin == recording->length || end_piece(recording, recording->length);
}

int recording_add(struct recording *recording, const struct sensor_driver *driver,
	const uint8_t *capture, size_t length, char *why, size_t size)
{
	size_t before = recording->length;
	uint8_t *bytes = realloc(recording->bytes, before + length + 1);
	size_t used, line;

	if (bytes == NULL)
		goto no_memory;
	recording->bytes = bytes;
	line = hex_read_capture(capture, length, driver->is_text, bytes + before, &used);
	if (line != 0) {
		snprintf(why, size, "line %zu is not hex", line);
		return -1;
	}
	recording->length += used;
	if (cut(recording, driver, before))
		return 0;
no_memory:
	snprintf(why, size, "no memory");
	return -1;
}

int recording_load(struct recording *recording, const struct sensor_driver *driver,
	const char *file, char *why, size_t size)
{
	FILE *in = fopen(file, "rbe");
	uint8_t *capture = malloc(FILE_MAX + 1);
	char reason[100] = "";
	size_t length = 0;

	if (in == NULL || capture == NULL)
		snprintf(reason, sizeof(reason), "%s", strerror(errno));
	else
		length = fread(capture, 1, FILE_MAX + 1, in);
	if (in != NULL && ferror(in))
		snprintf(reason, sizeof(reason), "%s", strerror(errno));
	else if (length > FILE_MAX)
		snprintf(reason, sizeof(reason), "longer than 1 MiB");
	if (reason[0] == '\0')
		recording_add(recording, driver, capture, length, reason, sizeof(reason));
	if (reason[0] == '\0' && recording->count == 0)
		snprintf(reason, sizeof(reason), "nothing is in it");
	if (in != NULL)
		fclose(in);
	free(capture);
	if (reason[0] != '\0')
		snprintf(why, size, "%s: %s", file, reason);
	return reason[0] != '\0' ? -1 : 0;
}

static bool fits_always(const uint8_t *piece, size_t length, const void *arg)
{
	(void)piece;
	(void)length;
	(void)arg;
	return true;
}

size_t recording_next(
	struct recording *recording, uint8_t piece[static RECORDING_PIECE_MAX])
{
	return recording_find(recording, fits_always, NULL, piece);
}

size_t recording_find(struct recording *recording,
	bool (*fits)(const uint8_t *piece, size_t length, const void *arg),
	const void *arg, uint8_t piece[static RECORDING_PIECE_MAX])
{
	for (size_t tried = 0; tried < recording->count; tried++) {
		size_t index = (recording->next + tried) % recording->count;
		size_t begin = index > 0 ? recording->ends[index - 1] : 0;
		size_t length = recording->ends[index] - begin;

		if (!fits(recording->bytes + begin, length, arg))
			continue;
		recording->next = index + 1;
		memcpy(piece, recording->bytes + begin, length);
		return length;
	}
	return 0;
}

void recording_free(struct recording *recording)
{
	free(recording->bytes);
	free(recording->ends);
	*recording = (struct recording){ .bytes = NULL };
}
