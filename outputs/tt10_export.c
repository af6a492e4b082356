#include "outputs/tt10_export.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "outputs/tt10_collect.h"
#include "outputs/tt10_options.h"
#include "store/reports.h"

enum { PORTION = 1000, PATH_SIZE = 4096, FILE_MAX = 8192 };

struct export
{
	const struct tt10_options *options;
	struct tt10_settings settings;
	struct tt10_collector collector;
	struct store *store;
	const char *directory;
	int64_t from_ms, to_ms;
	int64_t first_ms; /* when the first period begins */
	int64_t scanned, written;
	bool ready;
	struct buffer text;
	char *why;
	size_t size;
};

/* Makes the folders of PATH behind its first START bytes. */
static int make_folders(char *path, size_t start)
{
	for (char *at = path + start; (at = strchr(at, '/')); at++) {
		*at = '\0';
		int result = mkdir(path, 0755);
		*at = '/';
		if (result < 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

static int write_file(struct export *export, const char *path)
{
	FILE *file = fopen(path, "wb");

	if (!file)
		return -1;
	size_t length = export->text.length;
	size_t got = fwrite(export->text.data, 1, length, file);
	return fclose(file) == 0 && got == length ? 0 : -1;
}

static int write_open_period(struct export *export)
{
	const struct tt10_period *open = &export->collector.open;
	char folder[TT10_FOLDER_SIZE], name[TT10_NAME_SIZE], path[PATH_SIZE];
	uint32_t wanted;

	if (!tt10_collect_has_file(&export->collector) || open->end_ms <= export->from_ms)
		return 0;
	if (tt10_wanted(export->options, &export->settings, export->store, &wanted) < 0) {
		snprintf(export->why, export->size, "%s", store_error(export->store));
		return -1;
	}
	buffer_clear(&export->text);
	tt10_write(
		&export->settings, open, wanted | tt10_period_seen(open), &export->text);
	tt10_folder(&export->settings, open->end_ms, folder);
	tt10_name(&export->settings, open->end_ms, name);
	snprintf(path, sizeof path, "%s/%s%s%s", export->directory, folder,
		*folder ? "/" : "", name);
	if (export->text.failed ||
		make_folders(path, strlen(export->directory) + 1) < 0 ||
		write_file(export, path) < 0) {
		snprintf(export->why, export->size, "%s: %s", path, strerror(errno));
		return -1;
	}
	export->written++;
	return 0;
}

static bool take(void *arg, const struct stored_report *stored)
{
	struct export *export = arg;

	/* Reports stamped before the span would otherwise open periods one by one. */
	if (stored->report.time_ms > export->first_ms)
		export->ready = !tt10_collect(&export->collector, stored, INT64_MAX);
	if (!export->ready)
		export->scanned = stored->id;
	return !export->ready;
}

static int run(struct export *export)
{
	int64_t newest = store_last_id(export->store);

	for (;;) {
		int64_t before = export->scanned;
		export->ready = false;
		int got = store_scan(export->store, before, PORTION, take, export);
		if (got < 0) {
			snprintf(export->why, export->size, "%s",
				store_error(export->store));
			return -1;
		}
		if (!export->ready && export->scanned < newest) {
			if (got == 0)
				export->scanned += PORTION; /* unreadable rows */
			continue;
		}
		/* Nothing more: the two open periods are as full as they get. */
		for (int last = export->ready ? 1 : 2; last > 0; last--) {
			if (export->collector.open.end_ms == 0 ||
				export->collector.open.end_ms > export->to_ms)
				return 0;
			if (write_open_period(export) < 0)
				return -1;
			tt10_collect_advance(&export->collector, 0);
		}
		if (!export->ready)
			return 0;
	}
}

int64_t tt10_export(struct store *store, const struct option_item *item, int64_t from_ms,
	int64_t to_ms, const char *directory, char *why, size_t size)
{
	const struct tt10_options *options = item->options;
	struct tt10_parameter defaults[TT10_PARAMETERS_MAX];
	char prefix[TT10_PREFIX_MAX + 1];
	struct export export = {
		.options = options,
		.store = store,
		.directory = directory,
		.from_ms = from_ms,
		.to_ms = to_ms,
		.why = why,
		.size = size,
	};

	tt10_settings_from(options, &export.settings, prefix, defaults);
	export.first_ms = tt10_period_end(from_ms + 1, options->period) - options->period;
	tt10_collect_begin(&export.collector, &export.settings, options->settle, 0);
	buffer_init(&export.text, FILE_MAX);
	int result = run(&export);
	buffer_free(&export.text);
	return result < 0 ? -1 : export.written;
}
