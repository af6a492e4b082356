/*
 * Messages to stderr, one line each, with journald's <priority> in front when
 * stderr is the journal. Thread-safe; keeps errno.
 */
#ifndef MUABUI_CORE_LOG_H
#define MUABUI_CORE_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE, /* the default: what an operator wants to see once */
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

void log_set_level(enum log_level level);

/* Text put before every message of offline commands ("muabui: "), or NULL. */
void log_set_prefix(const char *prefix);

/* Sends lines to SINK instead of stderr (tests); NULL: back to stderr. */
void log_set_sink(void (*sink)(enum log_level level, const char *line));

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
