#include "core/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "core/terminal.h"

static atomic_int current_level = LOG_LEVEL_NOTICE;
static const char *_Atomic prefix;
static void (*_Atomic current_sink)(enum log_level level, const char *line);

static const char *const priorities[] = {
	[LOG_LEVEL_ERROR] = SD_ERR,
	[LOG_LEVEL_WARNING] = SD_WARNING,
	[LOG_LEVEL_NOTICE] = SD_NOTICE,
	[LOG_LEVEL_INFO] = SD_INFO,
	[LOG_LEVEL_DEBUG] = SD_DEBUG,
};
static const char *const words[] = {
	[LOG_LEVEL_ERROR] = "error: ",
	[LOG_LEVEL_WARNING] = "warning: ",
	[LOG_LEVEL_NOTICE] = "",
	[LOG_LEVEL_INFO] = "",
	[LOG_LEVEL_DEBUG] = "",
};

void log_set_level(enum log_level level)
{
	current_level = (int)level;
}

void log_set_prefix(const char *text)
{
	prefix = text;
}

void log_set_sink(void (*sink)(enum log_level level, const char *line))
{
	current_sink = sink;
}

/* Is stderr the journal, which reads priorities and stamps the time itself? */
static bool to_journal(void)
{
	static atomic_int known; /* 0: not asked yet, 1: no, 2: yes */

	if (known == 0)
		known = getenv("JOURNAL_STREAM") && !isatty(STDERR_FILENO) ? 2 : 1;
	return known == 2;
}

static void write_log(enum log_level level, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void write_log(enum log_level level, const char *format, va_list args)
{
	char line[1024], out[1100];
	int saved = errno;

	if ((int)level > current_level)
		return;
	vsnprintf(line, sizeof line, format, args);
	/* One message is one line, whatever came from outside. */
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < 0x20)
			*c = ' ';
	void (*sink)(enum log_level level, const char *line) = current_sink;
	if (sink) {
		sink(level, line);
	} else {
		const char *before = prefix;
		snprintf(out, sizeof out, "%s%s%s%s\n",
			to_journal() ? priorities[level] : "", before ? before : "",
			to_journal() ? "" : words[level], line);
		terminal_log(out);
	}
	errno = saved;
}

#define DEFINE_LOG(NAME, LEVEL)                  \
	void log_##NAME(const char *format, ...) \
	{                                        \
		va_list args;                    \
		va_start(args, format);          \
		write_log(LEVEL, format, args);  \
		va_end(args);                    \
	}

DEFINE_LOG(error, LOG_LEVEL_ERROR)
DEFINE_LOG(warning, LOG_LEVEL_WARNING)
DEFINE_LOG(notice, LOG_LEVEL_NOTICE)
DEFINE_LOG(info, LOG_LEVEL_INFO)
DEFINE_LOG(debug, LOG_LEVEL_DEBUG)
