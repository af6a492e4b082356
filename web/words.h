/* The words people read on the page and in the terminal: labels and ages. */
#ifndef MUABUI_WEB_WORDS_H
#define MUABUI_WEB_WORDS_H

#include <stdint.h>

#include "core/buffer.h"
#include "core/metric.h"
#include "core/reading.h"

/* The languages of this table, in the order of config_languages. */
enum words_language { WORDS_VI, WORDS_EN, WORDS_LANGUAGES };

/* What METRIC is called; its own name where the table has none. */
const char *words_metric(const struct metric *metric, enum words_language language);

/* The unit as people are shown it: "" for indices. */
const char *words_unit(const struct metric *metric);

/*
 * Appends how long MS is: "12 giây", "3 min", "2 h 5 min", "4 ngày". Negative spans
 * count as 0.
 */
void words_duration(struct buffer *out, int64_t ms, enum words_language language);

/* The same as an age: "3 phút trước", "3 min ago"; "vừa xong", "now" below 2 s. */
void words_age(struct buffer *out, int64_t ms, enum words_language language);

/* "suspect", "fail", …: what FLAG says about a value; "" for 1 and 2. */
const char *words_flag(int flag, enum words_language language);

/*
 * Appends VALUE with the decimals of METRIC (of the value itself where METRIC is
 * NULL); "–" for what is not a number. Vietnamese writes a decimal comma.
 */
void words_value(struct buffer *out, const struct metric *metric, double value,
	enum words_language language);

/* Appends TEXT so that it cannot drive a terminal: '?' for control and broken characters.
 */
void words_plain(struct buffer *out, const char *text);

/* Appends a size: "512 B", "12.3 MiB". */
void words_bytes(struct buffer *out, double bytes);

/*
 * Where METRIC stands in a list for people: what concerns health first, then rain,
 * then weather, then what concerns the device; smaller is earlier.
 */
int words_rank(uint16_t metric);

#endif
