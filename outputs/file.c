#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/metric.h"
#include "core/number.h"
#include "outputs/drivers.h"
#include "outputs/file_prune.h"
#include "outputs/line_protocol.h"
#include "store/reports.h"

/*
 * A file, as line protocol or CSV. The path may name the day (strftime, local time); a
 * file that has grown to max_size becomes PATH.1, and so on up to PATH.`keep`; files of
 * other days go by keep_for and keep_size. A batch is
 * written whole or not at all: what a full disk or a power cut left of one is cut off
 * again before the next.
 */

struct file_options {
	const char *path;
	int format;
	int64_t max_size;
	int keep;
	int64_t keep_for, keep_size; /* of all files that the path names; 0: no limit */
	bool sync;
};

enum file_format { FORMAT_LINE, FORMAT_CSV };
enum {
	PART = 4096,
	PRUNE_MS = 60 * 1000, /* between two looks for old files */
};

struct file_output {
	const struct file_options *options;
	struct line_encoder *encoder;
	bool backlog;
	int64_t pruned_ms; /* real time; 0: not yet */
};

static const char csv_head[] = "time,station,sensor,metric,value,unit,flag,backlog\n";

static void file_close(void *arg)
{
	struct file_output *self = arg;

	if (self)
		line_encoder_free(self->encoder);
	free(self);
}

static void *file_open(const void *options, char *why, size_t size)
{
	struct file_output *self = calloc(1, sizeof *self);

	snprintf(why, size, "out of memory");
	if (!self)
		return NULL;
	self->options = options;
	self->encoder = line_encoder_new(LINE_INFLUX_1_2);
	if (self->encoder)
		return self;
	file_close(self);
	return NULL;
}

static void file_lane(void *arg, bool backlog)
{
	struct file_output *self = arg;

	self->backlog = backlog;
}

/* --- encoding ------------------------------------------------------------ */

/* RFC 4180; a line end would be a new record for what reads lines. */
static void put_field(struct buffer *out, const char *text)
{
	bool quote = strpbrk(text, ",\"\r\n") != NULL;

	if (quote)
		buffer_putc(out, '"');
	for (; *text; text++) {
		if (*text == '"')
			buffer_putc(out, '"');
		buffer_putc(out, *text == '\n' || *text == '\r' ? ' ' : *text);
	}
	if (quote)
		buffer_putc(out, '"');
}

static void put_row(const struct file_output *self, const struct report *report,
	const struct reading *reading, struct buffer *out)
{
	const struct metric *metric = metric_by_id(reading->metric);
	char time[CLOCK_TEXT_SIZE], number[NUMBER_TEXT_SIZE];

	if (!metric || reading->flag == FLAG_MISSING || !isfinite(reading->value))
		return;
	clock_format(time, report->time_ms, 0);
	buffer_printf(out, "%s,", time);
	put_field(out, report->station);
	buffer_putc(out, ',');
	put_field(out, report->sensor);
	number_format(number, reading->value);
	buffer_printf(out, ",%s,%s,", metric->name, number);
	put_field(out, metric->unit);
	buffer_printf(out, ",%d,%d\n", reading->flag, self->backlog);
}

static void file_encode(
	void *arg, const struct stored_report *stored, struct buffer *batch)
{
	struct file_output *self = arg;
	const struct report *report = &stored->report;

	if (self->options->format == FORMAT_LINE) {
		line_encode(self->encoder, stored->source, report, batch);
		return;
	}
	for (size_t i = 0; i < report->count; i++)
		put_row(self, report, &report->readings[i], batch);
}

/* --- writing ------------------------------------------------------------- */

/* The words of `path`; the same letters as strftime's. */
static bool put_word(struct buffer *out, char word, const struct tm *local)
{
	switch (word) {
	case 'Y':
		buffer_printf(out, "%04d", local->tm_year + 1900);
		return true;
	case 'm':
		buffer_printf(out, "%02d", local->tm_mon + 1);
		return true;
	case 'd':
		buffer_printf(out, "%02d", local->tm_mday);
		return true;
	case 'H':
		buffer_printf(out, "%02d", local->tm_hour);
		return true;
	case '%':
		buffer_putc(out, '%');
		return true;
	default:
		return false;
	}
}

static bool make_path(const char *template, int64_t now_ms, struct buffer *path)
{
	time_t now = (time_t)(now_ms / 1000);
	struct tm local;

	if (!localtime_r(&now, &local))
		return false;
	for (; *template; template ++) {
		if (*template != '%')
			buffer_putc(path, *template);
		else if (!put_word(path, *++template, &local))
			return false;
	}
	return !path->failed;
}

static bool write_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t put = write(fd, data, length);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		data += put;
		length -= (size_t)put;
	}
	return true;
}

/* Cuts off what follows the last line end of a file of SIZE bytes. The size then, or -1.
 */
static off_t cut_torn_line(int fd, off_t size)
{
	char part[PART];
	off_t whole = 0;

	for (off_t end = size; end > 0 && whole == 0;) {
		off_t from = end > PART ? end - PART : 0;
		if (pread(fd, part, (size_t)(end - from), from) != end - from)
			return -1;
		const char *found = memrchr(part, '\n', (size_t)(end - from));
		whole = found ? from + (found - part) + 1 : 0;
		end = from;
	}
	return whole == size || ftruncate(fd, whole) == 0 ? whole : -1;
}

static void rotate(const struct file_output *self, const char *path)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (int i = self->options->keep; i > 0; i--) {
		snprintf(to, sizeof to, "%.*s.%d", PATH_MAX - 16, path, i);
		if (i > 1)
			snprintf(
				from, sizeof from, "%.*s.%d", PATH_MAX - 16, path, i - 1);
		else
			snprintf(from, sizeof from, "%s", path);
		rename(from, to);
	}
	if (self->options->keep == 0)
		unlink(path);
}

static int open_file(
	const struct file_output *self, const char *path, size_t coming, off_t *size)
{
	for (int turn = 0;; turn++) {
		struct stat info;
		int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

		if (fd < 0)
			return -1;
		*size = fstat(fd, &info) == 0 ? cut_torn_line(fd, info.st_size) : -1;
		if (*size < 0) {
			close(fd);
			return -1;
		}
		bool full = self->options->max_size > 0 && *size > 0 &&
			*size + (off_t)coming > self->options->max_size;
		if (!full || turn > 0)
			return fd;
		close(fd);
		rotate(self, path);
	}
}

static bool append(
	const struct file_output *self, int fd, off_t size, const struct buffer *batch)
{
	bool needs_head = self->options->format == FORMAT_CSV && size == 0;

	if ((!needs_head || write_all(fd, csv_head, strlen(csv_head))) &&
		write_all(fd, batch->data, batch->length) &&
		(!self->options->sync || fdatasync(fd) == 0))
		return true;
	int saved = errno;
	if (ftruncate(fd, size) < 0)
		size = 0; /* the next opening cuts at least the torn line */
	errno = saved;
	return false;
}

/* Not by a clock that nobody believes: it would call everything old. */
static void prune(struct file_output *self, const char *path)
{
	const struct file_options *options = self->options;
	int64_t real_ms = clock_real_ms();
	struct file_prune old = {
		.template = options->path,
		.current = path,
		.bytes = options->keep_size,
	};

	if ((options->keep_for == 0 && options->keep_size == 0) ||
		(self->pruned_ms > 0 && real_ms - self->pruned_ms < PRUNE_MS))
		return;
	self->pruned_ms = real_ms;
	if (options->keep_for > 0 && clock_is_set())
		old.before_ms = clock_wall_ms() - options->keep_for;
	int removed = file_prune(&old);
	if (removed > 0)
		log_info("%s: %d old files were removed", options->path, removed);
	else if (removed < 0)
		log_warning("%s: cannot look for old files: %s", options->path,
			strerror(errno));
}

static void file_send(void *arg, const struct buffer *batch, struct answer *answer)
{
	struct file_output *self = arg;
	struct buffer path;
	off_t size = 0;
	int fd = -1;

	buffer_init(&path, PATH_MAX - 16); /* room for ".1000" */
	errno = ENAMETOOLONG;
	if (make_path(self->options->path, clock_wall_ms(), &path))
		fd = open_file(self, buffer_text(&path), batch->length, &size);
	bool done = fd >= 0 && append(self, fd, size, batch);
	int code = errno;

	if (fd >= 0)
		close(fd);
	if (done)
		prune(self, buffer_text(&path));
	buffer_free(&path);
	if (done) {
		answer->outcome = OUTCOME_DONE;
		return;
	}
	/* Space comes back by itself; a folder or a right does not. */
	answer->outcome = code == EACCES || code == EPERM || code == ENOENT ||
			code == ENOTDIR || code == EISDIR || code == EROFS ||
			code == ENAMETOOLONG
		? OUTCOME_HELD
		: OUTCOME_RETRY;
	snprintf(answer->reason, sizeof answer->reason, "%.150s: %s", self->options->path,
		strerror(code));
}

/* --- options ------------------------------------------------------------- */

static void file_check(const void *values, const struct config_place *place)
{
	const struct file_options *options = values;
	struct buffer path;

	buffer_init(&path, PATH_MAX - 16);
	if (options->path && !make_path(options->path, 0, &path))
		config_error(place, "path",
			"may hold no words but %%Y %%m %%d %%H (and %%%%), and must not be too long");
	buffer_free(&path);
	if (options->path && (options->keep_for > 0 || options->keep_size > 0) &&
		file_prune_has_dated_folder(options->path))
		config_error(place, options->keep_for > 0 ? "keep_for" : "keep_size",
			"only finds files whose date is in their own name, not in a folder's");
}

#define AT(member) offsetof(struct file_options, member)

static const char *const formats[] = {
	[FORMAT_LINE] = "line",
	[FORMAT_CSV] = "csv",
	NULL,
};

static const struct option file_table[] = {
	{ .name = "path",
		.type = OPTION_PATH,
		.offset = AT(path),
		.required = true,
		.help = "The file; %Y %m %d %H stand for the local date and hour of "
			"writing." },
	{ .name = "format",
		.type = OPTION_CHOICE,
		.offset = AT(format),
		.fallback = "line",
		.choices = formats,
		.help = "InfluxDB line protocol, or CSV with a row per reading." },
	{ .name = "max_size",
		.type = OPTION_SIZE,
		.offset = AT(max_size),
		.fallback = "64MiB",
		.min = 4096,
		.help = "A file that would grow larger is renamed PATH.1 before." },
	{ .name = "keep",
		.type = OPTION_INTEGER,
		.offset = AT(keep),
		.fallback = "7",
		.min = 0,
		.max = 1000,
		.unit = "files",
		.help = "How many of those renamed are kept." },
	{ .name = "keep_for",
		.type = OPTION_DURATION,
		.offset = AT(keep_for),
		.fallback = "0s",
		.min = 60 * 60 * 1000,
		.max = INFINITY,
		.help = "Files last written longer ago are removed, those named by other "
			"dates too; 0s: never." },
	{ .name = "keep_size",
		.type = OPTION_SIZE,
		.offset = AT(keep_size),
		.fallback = "0B",
		.min = 4096,
		.max = INFINITY,
		.help = "When all of them have more together, the oldest are removed; 0B: no "
			"limit." },
	{ .name = "sync",
		.type = OPTION_BOOL,
		.offset = AT(sync),
		.fallback = "true",
		.help = "Whether a batch counts as delivered only when it is on the disk." },
	{ .name = NULL },
};

const struct output_driver output_file = {
	.kind = {
		.name = "file",
		.summary = "A file, as line protocol or CSV, rotated.",
		.group = {
			.name = "output",
			.options = file_table,
			.size = sizeof(struct file_options),
			.check = file_check,
		},
	},
	.open = file_open,
	.close = file_close,
	.encode = file_encode,
	.send = file_send,
	.lane = file_lane,
};
