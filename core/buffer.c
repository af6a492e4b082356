#include "core/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_init(struct buffer *buffer, size_t limit)
{
	*buffer = (struct buffer){ .limit = limit };
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	buffer_init(buffer, buffer->limit);
}

void buffer_clear(struct buffer *buffer)
{
	buffer->length = 0;
	buffer->failed = false;
	if (buffer->data)
		buffer->data[0] = '\0';
}

char *buffer_reserve(struct buffer *buffer, size_t length)
{
	if (buffer->failed || length > buffer->limit ||
		buffer->length > buffer->limit - length) {
		buffer->failed = true;
		return NULL;
	}
	size_t needed = buffer->length + length + 1;
	if (needed > buffer->capacity) {
		size_t capacity = buffer->capacity ? buffer->capacity : 256;
		while (capacity < needed)
			capacity *= 2;
		if (capacity > buffer->limit + 1)
			capacity = buffer->limit + 1;
		char *data = realloc(buffer->data, capacity);
		if (!data) {
			buffer->failed = true;
			return NULL;
		}
		buffer->data = data;
		buffer->capacity = capacity;
		/* So that it is a text even when nothing is advanced. */
		data[buffer->length] = '\0';
	}
	return buffer->data + buffer->length;
}

void buffer_advance(struct buffer *buffer, size_t length)
{
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
	char *room = buffer_reserve(buffer, length);
	if (!room)
		return;
	if (length > 0)
		memcpy(room, bytes, length);
	buffer_advance(buffer, length);
}

void buffer_puts(struct buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

void buffer_putc(struct buffer *buffer, char c)
{
	buffer_append(buffer, &c, 1);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list args, again;

	va_start(args, format);
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *room = length < 0 ? NULL : buffer_reserve(buffer, (size_t)length);
	if (room) {
		vsnprintf(room, (size_t)length + 1, format, again);
		buffer_advance(buffer, (size_t)length);
	} else {
		buffer->failed = true;
	}
	va_end(again);
}

const char *buffer_text(const struct buffer *buffer)
{
	return buffer->data ? buffer->data : "";
}

void buffer_truncate(struct buffer *buffer, size_t length)
{
	if (length >= buffer->length)
		return;
	buffer->length = length;
	buffer->data[length] = '\0';
}
