/* A folder of its own for a test, and a store in it. */
#ifndef MUABUI_TESTS_TEMP_STORE_H
#define MUABUI_TESTS_TEMP_STORE_H

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/metric.h"
#include "core/reading.h"
#include "store/codec.h"
#include "store/reports.h"
#include "store/store.h"

struct temp {
	char directory[64];
	char path[96]; /* of the store */
};

/* In memory where that can be: hundreds of openings with an fsync each take long. */
static inline void temp_make(struct temp *temp)
{
	snprintf(temp->directory, sizeof temp->directory, "%s/muabui-test-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(temp->directory));
	snprintf(temp->path, sizeof temp->path, "%s/test.db", temp->directory);
}

/* Removes the folder DIRECTORY and the files in it. */
static inline void temp_remove_folder(const char *directory)
{
	DIR *folder = opendir(directory);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
	rmdir(directory);
}

static inline void temp_remove(struct temp *temp)
{
	temp_remove_folder(temp->directory);
}

static inline struct store *temp_open(const struct temp *temp, enum store_role role)
{
	char why[256] = "";
	struct store *store = store_open(temp->path, role, why, sizeof why);

	if (!store)
		fail_msg("%s", why);
	return store;
}

/* Runs SQL on a connection of its own; the store may be open elsewhere. */
static inline void temp_sql(const struct temp *temp, const char *sql)
{
	sqlite3 *db;
	char *message = NULL;

	assert_int_equal(sqlite3_open(temp->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	sqlite3_close(db);
}

/* The one number that SQL asks for. */
static inline double temp_number(struct store *store, const char *sql)
{
	sqlite3_stmt *stmt;
	double value = -1;

	assert_int_equal(
		sqlite3_prepare_v2(store_handle(store), sql, -1, &stmt, NULL), SQLITE_OK);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_double(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

/* A report of pm25 = VALUE and pm10 = VALUE + 20. */
static inline struct report temp_report(
	const char *station, const char *sensor, int64_t time_ms, double value)
{
	struct report report;

	report_init(&report);
	report.time_ms = time_ms;
	snprintf(report.station, sizeof report.station, "%s", station);
	snprintf(report.sensor, sizeof report.sensor, "%s", sensor);
	report_add(&report, METRIC_PM25, value);
	report_add(&report, METRIC_PM10, value + 20);
	return report;
}

/* Appends REPORT inside a transaction; its id. */
static inline int64_t temp_append(struct store *store, const struct report *report)
{
	uint8_t packed[CODEC_MAX];
	int64_t source, id = -1;
	size_t length = codec_pack(report, packed);

	assert_int_equal(
		store_source(store, report->station, report->sensor, &source), 0);
	assert_int_equal(
		store_append(store, source, report->time_ms, packed, length, &id), 0);
	return id;
}

#endif
