/*
 * Writing JSON into a buffer. Commas are the writer's business; strings are
 * escaped, invalid UTF-8 becomes U+FFFD, numbers that JSON cannot say become
 * null. Reading is cJSON's.
 */
#ifndef MUABUI_CORE_JSON_H
#define MUABUI_CORE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"

struct json {
	struct buffer *out;
	bool need_comma;
};

void json_start(struct json *json, struct buffer *out);

/* KEY may be NULL inside arrays and at the top. */
void json_object(struct json *json, const char *key);
void json_end_object(struct json *json);
void json_array(struct json *json, const char *key);
void json_end_array(struct json *json);
void json_string(struct json *json, const char *key, const char *value); /* NULL: null */
void json_number(struct json *json, const char *key, double value);
void json_integer(struct json *json, const char *key, int64_t value);
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);
/* MS as RFC 3339 at OFFSET_MINUTES. */
void json_time(struct json *json, const char *key, int64_t ms, int offset_minutes);
/* TEXT is JSON already. */
void json_raw(struct json *json, const char *key, const char *text);

#endif
