/* The store: reports, ids, marks, states, cursors, and files that are not what they
 * should be. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/log.h"
#include "store/cursors.h"
#include "store/dead_letters.h"
#include "store/reports.h"
#include "store/state.h"
#include "tests/unit/temp_store.h"

static struct temp temp;
static struct store *store;

static char said[256]; /* the newest line of the log, without the path before it */

static void keep_log(enum log_level level, const char *line)
{
	const char *text = strstr(line, "db: ");

	(void)level;
	snprintf(said, sizeof said, "%s", text ? text + strlen("db: ") : line);
}

static int begin(void **state)
{
	(void)state;
	log_set_sink(keep_log);
	temp_make(&temp);
	store = temp_open(&temp, STORE_RECORDER);
	return 0;
}

static int end(void **state)
{
	(void)state;
	store_close(store);
	store = NULL;
	temp_remove(&temp);
	return 0;
}

static void reopen(void)
{
	store_close(store);
	store = temp_open(&temp, STORE_RECORDER);
}

/* COUNT reports with values and times from FIRST on, in one transaction. */
static int64_t fill(int first, int count)
{
	int64_t id = 0;

	assert_int_equal(store_begin(store), 0);
	for (int i = first; i < first + count; i++) {
		struct report report = temp_report("S", "dust", i, i);
		id = temp_append(store, &report);
	}
	assert_int_equal(store_commit(store), 0);
	return id;
}

enum { SEEN_MAX = 5000 };

struct seen {
	int64_t ids[SEEN_MAX];
	double values[SEEN_MAX];
	size_t count, wanted;
	struct stored_report last;
};

static struct seen seen;

static bool see(void *arg, const struct stored_report *stored)
{
	(void)arg;
	assert_true(seen.count < SEEN_MAX);
	seen.ids[seen.count] = stored->id;
	seen.values[seen.count++] = stored->report.readings[0].value;
	seen.last = *stored;
	return seen.count < seen.wanted;
}

static int scan(struct store *from, int64_t after, int limit)
{
	seen.count = 0;
	seen.wanted = SEEN_MAX;
	return store_scan(from, after, limit, see, NULL);
}

/* --- reports ------------------------------------------------------------ */

static void an_empty_store(void **state)
{
	(void)state;
	int64_t cursor = 7;

	assert_int_equal(store_last_id(store), 0);
	assert_int_equal(scan(store, 0, 10), 0);
	for (int mark = 0; mark < STORE_MARK_COUNT; mark++)
		assert_int_equal(store_mark(store, (enum store_mark)mark), 0);
	assert_int_equal(store_cursor_get(store, "city", &cursor), 0);
	assert_int_equal(cursor, 0);
	assert_int_equal(store_dead_letter_count(store, "city"), 0);
	assert_int_equal(store_forget(store, INT64_MAX, 100), 0);
	assert_true(store_size(store) > 4096);
}

static void what_is_appended_is_read_back(void **state)
{
	(void)state;
	struct report report = temp_report("HN-CG-01", "dust", 1795300000000, 35.2);

	report.marks = REPORT_BACKFILLED;
	report.status = STATUS_CALIBRATING;
	report.readings[0].raw = 36.5;
	report.readings[1].flag = FLAG_SUSPECT;
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(temp_append(store, &report), 1);
	assert_int_equal(store_commit(store), 0);
	reopen();
	assert_int_equal(scan(store, 0, 10), 1);
	const struct report *back = &seen.last.report;
	assert_int_equal(seen.last.id, 1);
	assert_string_equal(back->station, "HN-CG-01");
	assert_string_equal(back->sensor, "dust");
	assert_int_equal(back->time_ms, 1795300000000);
	assert_int_equal(back->marks, REPORT_BACKFILLED);
	assert_int_equal(back->status, STATUS_CALIBRATING);
	assert_int_equal(back->count, 2);
	assert_true(back->readings[0].value == 35.2 && back->readings[0].raw == 36.5);
	assert_true(back->readings[1].value == 55.2 && back->readings[1].raw == 55.2);
	assert_int_equal(back->readings[1].flag, FLAG_SUSPECT);
}

/* However many are appended at once, they are as if appended one by one. */
static void rows_are_appended_together(void **state)
{
	static const size_t counts[] = { 0, 1, STORE_ROWS - 1, STORE_ROWS,
		2 * STORE_ROWS + 3 };
	struct store_row rows[2 * STORE_ROWS + 3];
	uint8_t packed[2 * STORE_ROWS + 3][CODEC_MAX];
	int64_t source, last = 0, expected = 0;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_source(store, "S", "dust", &source), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct report report = temp_report("S", "dust", 100 + i, (double)i);
		rows[i] = (struct store_row){
			.source = source,
			.time_ms = report.time_ms,
			.packed = packed[i],
			.length = codec_pack(&report, packed[i]),
		};
	}
	for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
		assert_int_equal(store_append_rows(store, rows, counts[c], &last), 0);
		expected += (int64_t)counts[c];
		assert_int_equal(last, expected);
		assert_int_equal(
			scan(store, expected - (int64_t)counts[c], SEEN_MAX), counts[c]);
		for (size_t i = 0; i < counts[c]; i++)
			assert_true(seen.values[i] == (double)i);
	}
	assert_int_equal(store_commit(store), 0);
	/* Where an id is taken, the file is not what it is held for: nothing is kept. */
	temp_sql(&temp, "INSERT INTO report VALUES(70, 1, 1, x'00')");
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_append_rows(store, rows, STORE_ROWS, &last), -1);
	store_rollback(store);
	assert_int_equal(store_last_id(store), 70);
}

static void scans_in_portions(void **state)
{
	(void)state;
	assert_int_equal(fill(1, 1000), 1000);
	assert_int_equal(store_last_id(store), 1000);
	assert_int_equal(scan(store, 0, 300), 300);
	for (size_t i = 0; i < 300; i++)
		assert_true(
			seen.ids[i] == (int64_t)i + 1 && seen.values[i] == (double)i + 1);
	assert_int_equal(scan(store, 990, 300), 10);
	assert_int_equal(seen.ids[0], 991);
	assert_int_equal(scan(store, 1000, 300), 0);
	assert_int_equal(scan(store, 0, 0), 0);
	/* EACH may have had enough. */
	seen.count = 0;
	seen.wanted = 7;
	assert_int_equal(store_scan(store, 0, 300, see, NULL), 7);
}

static void names_follow_the_source(void **state)
{
	(void)state;
	static const char *const sensors[] = { "a", "b", "a", "c", "b" };

	assert_int_equal(store_begin(store), 0);
	for (size_t i = 0; i < 5; i++) {
		struct report report = temp_report("S", sensors[i], 1000, (double)i);
		temp_append(store, &report);
	}
	assert_int_equal(store_commit(store), 0);
	for (int64_t i = 0; i < 5; i++) {
		assert_int_equal(scan(store, i, 1), 1);
		assert_string_equal(seen.last.report.sensor, sensors[i]);
	}
}

static void a_rollback_leaves_nothing(void **state)
{
	(void)state;
	struct report report = temp_report("S", "dust", 5, 5);
	int64_t before, again;

	fill(1, 3);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_source(store, "new", "dust", &before), 0);
	assert_int_equal(temp_append(store, &report), 4);
	assert_int_equal(store_set_mark(store, STORE_RING_SEQ, 77), 0);
	store_rollback(store);
	assert_int_equal(store_last_id(store), 3);
	assert_int_equal(store_mark(store, STORE_RING_SEQ), 0);
	assert_true(temp_number(store, "SELECT count(*) FROM source") == 1);
	store_rollback(store); /* none is open: nothing happens */

	/* The number may go to somebody else: it has to be asked for again. */
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_source(store, "other", "dust", &again), 0);
	assert_int_equal(again, before);
	assert_int_equal(store_source(store, "new", "dust", &again), 0);
	assert_int_not_equal(again, before);
	assert_int_equal(temp_append(store, &report), 4);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(scan(store, 0, 10), 4);
}

static void sources_are_numbered_once(void **state)
{
	(void)state;
	int64_t numbers[4], again;

	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_source(store, "S", "a", &numbers[0]), 0);
	assert_int_equal(store_source(store, "S", "b", &numbers[1]), 0);
	assert_int_equal(store_source(store, "T", "a", &numbers[2]), 0);
	assert_int_equal(store_source(store, "Sa", "", &numbers[3]), 0);
	assert_int_equal(store_commit(store), 0);
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < i; k++)
			assert_int_not_equal(numbers[i], numbers[k]);
	reopen();
	assert_int_equal(store_source(store, "S", "b", &again), 0);
	assert_int_equal(again, numbers[1]);
}

static void joining_begins_once(void **state)
{
	(void)state;
	assert_int_equal(store_join(store), 0);
	assert_int_equal(store_join(store), 0);
	assert_int_equal(
		store_begin(store), -1); /* one inside another: our own mistake */
	assert_non_null(strstr(store_error(store), "within a transaction"));
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_commit(store), -1);
}

/* --- retention ---------------------------------------------------------- */

static void forgets_the_oldest_in_portions(void **state)
{
	(void)state;
	fill(1, 100);
	assert_int_equal(store_forget(store, 51, 20), 20);
	assert_int_equal(store_forget(store, 51, 20), 20);
	assert_int_equal(store_forget(store, 51, 20), 10);
	assert_int_equal(store_forget(store, 51, 20), 0);
	assert_int_equal(scan(store, 0, 200), 50);
	assert_int_equal(seen.ids[0], 51);
}

static void ids_go_on_after_retention(void **state)
{
	(void)state;
	fill(1, 10);
	assert_int_equal(store_forget(store, 100, 1000), 10);
	assert_int_equal(store_last_id(store), 10);
	reopen();
	assert_int_equal(store_last_id(store), 10);
	assert_int_equal(fill(11, 1), 11);
	/* Neither after a rollback, which forgets what the connection remembers. */
	assert_int_equal(store_forget(store, 100, 1000), 1);
	assert_int_equal(store_begin(store), 0);
	store_rollback(store);
	assert_int_equal(fill(12, 1), 12);
}

/* A report that came out of order stays behind, and is forgotten long after others. */
static void an_old_id_forgotten_late_brings_no_id_back(void **state)
{
	(void)state;
	fill(1, 2);
	fill(5000, 1); /* id 3, of the future */
	fill(4, 7);    /* to id 10 */
	assert_int_equal(store_forget(store, 100, 1000), 9);
	assert_int_equal(scan(store, 0, 100), 1);
	assert_int_equal(seen.ids[0], 3);
	assert_int_equal(store_forget(store, 6000, 1000), 1);
	assert_int_equal(scan(store, 0, 100), 0);
	reopen();
	assert_int_equal(store_last_id(store), 10);
	assert_int_equal(fill(1, 1), 11);
}

/* --- small tables ------------------------------------------------------- */

static void marks_are_kept(void **state)
{
	(void)state;
	assert_int_equal(store_set_mark(store, STORE_RING_SEQ, 5), 0);
	assert_int_equal(store_set_mark(store, STORE_MERGED_ID, INT64_MAX), 0);
	assert_int_equal(store_set_mark(store, STORE_RING_SEQ, 6), 0);
	reopen();
	assert_int_equal(store_mark(store, STORE_RING_SEQ), 6);
	assert_int_equal(store_mark(store, STORE_MERGED_ID), INT64_MAX);
	assert_int_equal(store_mark(store, STORE_HOURS_MS), 0);
}

struct bytes {
	char data[32];
	size_t length;
	int calls;
};

static void take(void *arg, const void *data, size_t length)
{
	struct bytes *bytes = arg;

	assert_true(length <= sizeof bytes->data);
	if (length > 0)
		memcpy(bytes->data, data, length);
	bytes->length = length;
	bytes->calls++;
}

static void states_are_kept(void **state)
{
	(void)state;
	struct bytes bytes = { .calls = 0 };

	assert_int_equal(store_state_get(store, 1, "rain", take, &bytes), 0);
	assert_int_equal(bytes.calls, 0);
	assert_int_equal(store_state_set(store, 1, "rain", "old", 3), 0);
	assert_int_equal(store_state_set(store, 1, "rain", "a\0b", 3), 0);
	assert_int_equal(store_state_set(store, 1, "aqi", "x", 1), 0);
	assert_int_equal(store_state_set(store, 2, "rain", "", 0), 0);
	reopen();
	assert_int_equal(store_state_get(store, 1, "rain", take, &bytes), 0);
	assert_int_equal(bytes.calls, 1);
	assert_int_equal(bytes.length, 3);
	assert_memory_equal(bytes.data, "a\0b", 3);
	assert_int_equal(store_state_get(store, 2, "rain", take, &bytes), 0);
	assert_int_equal(bytes.length, 0);
	assert_int_equal(store_state_get(store, 3, "rain", take, &bytes), 0);
	assert_int_equal(bytes.calls, 2);
}

static void cursors_and_dead_letters(void **state)
{
	(void)state;
	int64_t cursor;

	clock_freeze(1795314600000, 0);
	assert_int_equal(store_cursor_set(store, "city", 5), 0);
	assert_int_equal(store_cursor_set(store, "old", 3), 0);
	assert_int_equal(store_cursor_set(store, "city", 9), 0);
	assert_int_equal(
		store_dead_letter(store, "city", 4, "a,b c=1 2", "bad 'field'"), 0);
	assert_int_equal(store_dead_letter(store, "city", 4, "the same", "again"), 0);
	assert_int_equal(store_dead_letter(store, "old", 4, "x", "y"), 0);
	reopen();
	assert_int_equal(store_cursor_get(store, "city", &cursor), 0);
	assert_int_equal(cursor, 9);
	assert_int_equal(store_cursor_get(store, "old", &cursor), 0);
	assert_int_equal(cursor, 3);
	assert_int_equal(store_dead_letter_count(store, "city"), 2);
	assert_int_equal(store_dead_letter_count(store, "old"), 1);
	assert_int_equal(store_dead_letter_count(store, "none"), 0);
	assert_true(temp_number(store,
			    "SELECT count(*) FROM dead_letter WHERE report=4"
			    " AND time=1795314600000 AND body='a,b c=1 2'"
			    " AND reason='bad ''field'''") == 1);
}

static void metrics_are_written_for_other_readers(void **state)
{
	(void)state;
	assert_int_equal(store_write_metrics(store), 0);
	assert_int_equal(store_write_metrics(store), 0);
	assert_true(temp_number(store, "SELECT count(*) FROM metric") ==
		METRIC_BUILTIN_END - 1);
	assert_true(temp_number(store,
			    "SELECT id FROM metric WHERE name='pm25' AND unit='µg/m³'") ==
		METRIC_PM25);
}

/* --- two connections ---------------------------------------------------- */

static void a_client_sees_commits_only(void **state)
{
	(void)state;
	struct store *client = temp_open(&temp, STORE_CLIENT);
	struct report report = temp_report("S", "dust", 3, 3);
	int64_t cursor;

	fill(1, 2);
	assert_int_equal(scan(client, 0, 10), 2);
	assert_int_equal(store_begin(store), 0);
	temp_append(store, &report);
	assert_int_equal(scan(client, 0, 10), 2);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(scan(client, 0, 10), 3);

	assert_int_equal(store_cursor_set(client, "city", 3), 0);
	assert_int_equal(store_cursor_get(store, "city", &cursor), 0);
	assert_int_equal(cursor, 3);
	/* The recorder, gone and back, changes nothing for who stays. */
	reopen();
	fill(4, 1);
	assert_int_equal(scan(client, 0, 10), 4);
	store_close(client);
}

static void a_client_makes_no_store(void **state)
{
	(void)state;
	char path[160], why[256] = "";

	snprintf(path, sizeof path, "%s/none.db", temp.directory);
	assert_null(store_open(path, STORE_CLIENT, why, sizeof why));
	assert_non_null(strstr(why, path));
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof path, "%s/no/such/folder.db", temp.directory);
	assert_null(store_open(path, STORE_RECORDER, why, sizeof why));
	assert_non_null(strstr(why, path));
	store_close(NULL);
}

/* --- files that are not what they should be ----------------------------- */

/* Opens the file that lies there; what WHY must say, NULL: it opens. */
static void expect_refusal(enum store_role role, const char *reason)
{
	char why[256] = "";
	struct store *other = store_open(temp.path, role, why, sizeof why);

	store_close(other);
	assert_null(other);
	if (!strstr(why, reason))
		fail_msg("\"%s\" does not say \"%s\"", why, reason);
}

static void a_newer_version_is_refused(void **state)
{
	(void)state;
	fill(1, 3);
	store_close(store);
	store = NULL;
	temp_sql(&temp, "PRAGMA user_version=2");
	expect_refusal(STORE_RECORDER, "newer muabui (version 2, this one knows 1)");
	expect_refusal(STORE_CLIENT, "newer muabui");
	temp_sql(&temp, "PRAGMA user_version=1");
	store = temp_open(&temp, STORE_RECORDER);
	assert_int_equal(scan(store, 0, 10), 3); /* nothing was done to it */
}

static void a_foreign_file_is_refused(void **state)
{
	(void)state;
	store_close(store);
	store = NULL;
	unlink(temp.path);
	temp_sql(&temp, "PRAGMA application_id=252006674; CREATE TABLE t(x)");
	expect_refusal(STORE_RECORDER, "is not a store of muabui");
	/* Most files of SQLite have no application id. */
	unlink(temp.path);
	temp_sql(&temp, "CREATE TABLE photos(name); INSERT INTO photos VALUES('a')");
	expect_refusal(STORE_RECORDER, "is not a store of muabui");
	expect_refusal(STORE_CLIENT, "is not a store of muabui");
	temp_sql(&temp, "CREATE TABLE cursor(x)"); /* it has none of ours */
	unlink(temp.path);
	temp_sql(&temp, "PRAGMA user_version=3");
	expect_refusal(STORE_RECORDER, "is not a store of muabui");
}

static size_t count_files(const char *part);

/* Each bit of the file's head in turn: whatever SQLite says of it, a store is there. */
static void no_flipped_bit_of_the_head_refuses_a_store(void **state)
{
	(void)state;
	uint8_t head[100];

	fill(1, 3);
	store_close(store);
	store = NULL;
	for (size_t bit = 0; bit < 8 * sizeof head; bit++) {
		FILE *file = fopen(temp.path, "r+");
		char why[256] = "";
		assert_int_equal(fread(head, 1, sizeof head, file), sizeof head);
		head[bit / 8] ^= (uint8_t)(1 << bit % 8);
		rewind(file);
		fwrite(head, 1, sizeof head, file);
		fclose(file);
		clock_freeze(1795314600000 + (int64_t)bit, 0);
		store = store_open(temp.path, STORE_RECORDER, why, sizeof why);
		if (!store)
			fail_msg("bit %zu: %s", bit, why);
		store_close(store);
		store = NULL;
	}
}

/* A bit of the head is flipped: no stranger's file, but a damaged one of ours. */
static void a_flipped_identity_is_damage(void **state)
{
	(void)state;
	static const char *const flips[] = { "PRAGMA user_version=5",
		"PRAGMA user_version=-2147483647", "PRAGMA application_id=1836410189" };

	for (size_t i = 0; i < sizeof flips / sizeof *flips; i++) {
		clock_freeze(1795314600000 + (int64_t)i, 0);
		fill(1, 3);
		store_close(store);
		store = NULL;
		temp_sql(&temp, flips[i]);
		store = temp_open(&temp, STORE_RECORDER);
		assert_int_equal(count_files(".damaged-"), i + 1);
	}
}

static size_t count_files(const char *part)
{
	DIR *folder = opendir(temp.directory);
	const struct dirent *entry;
	size_t count = 0;

	while ((entry = readdir(folder)))
		count += strstr(entry->d_name, part) != NULL;
	closedir(folder);
	return count;
}

static void overwrite(long at, size_t length)
{
	FILE *file = fopen(temp.path, "r+");

	assert_non_null(file);
	fseek(file, at, SEEK_SET);
	while (length-- > 0)
		fputc('x', file);
	fclose(file);
}

static void a_damaged_file_is_moved_aside(void **state)
{
	(void)state;
	struct stat before, after;
	char why[256];

	for (int round = 0; round < 2; round++) {
		fill(1, 500);
		store_close(store);
		store = NULL;
		stat(temp.path, &before);
		/* The file's head; then the head of its first page, the table of tables.
		 */
		overwrite(round == 0 ? 0 : 100, 60);
		if (round == 0) /* who only reads does not move it */
			assert_null(store_open(temp.path, STORE_CLIENT, why, sizeof why));
		clock_freeze(1795314600000 + round, 0);
		store = temp_open(&temp, STORE_RECORDER);
		assert_int_equal(count_files(".damaged-"), round + 1);
		/* No id is given twice. */
		assert_true(store_last_id(store) >= 500);
	}
	char kept[160];
	snprintf(kept, sizeof kept, "%s.damaged-1795314600001", temp.path);
	assert_int_equal(stat(kept, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	/* The new one is whole. */
	int64_t last = store_last_id(store);
	assert_int_equal(fill(1, 5), last + 5);
	reopen();
	assert_int_equal(scan(store, 0, 10), 5);
}

/* A bit of a row's id is flipped, somewhere in the middle of a page. */
static void an_id_out_of_order_is_damage(void **state)
{
	(void)state;
	static uint8_t page[4096];
	long at = 0;

	fill(1, 3000);
	store_close(store);
	store = NULL;
	FILE *file = fopen(temp.path, "r+");
	/* A leaf of the reports: many rows; a cell is its length, its id, its record. */
	while (fread(page, 1, sizeof page, file) == sizeof page &&
		(at < 4096 || page[0] != 0x0d || page[3] != 0 || page[4] < 100))
		at += 4096;
	size_t cell = (size_t)page[8 + 100] << 8 | page[8 + 101];
	page[cell + 1] ^= 0x04;
	fseek(file, at, SEEK_SET);
	assert_int_equal(fwrite(page, 1, sizeof page, file), sizeof page);
	fclose(file);
	store = temp_open(&temp, STORE_RECORDER);
	assert_int_equal(scan(store, 0, 4000), -1);
	assert_non_null(strstr(store_error(store), "out of its order"));
	assert_true(store_is_damaged());
	store_close(store);
	store_move_aside(temp.path);
	store = temp_open(&temp, STORE_RECORDER);
	assert_false(store_is_damaged());
}

/* A bit of what SQLite keeps of our tables: the file is well-formed, the name another. */
static void a_garbled_name_is_damage(void **state)
{
	(void)state;
	fill(1, 3);
	store_close(store);
	store = NULL;
	temp_sql(&temp,
		"PRAGMA writable_schema=ON; UPDATE sqlite_master SET sql ="
		" replace(sql, ' id INTEGER PRIMARY KEY, time', ' ie INTEGER PRIMARY KEY, time')"
		" WHERE name='report'");
	struct store *reader = temp_open(&temp, STORE_READER);
	store_last_id(reader);
	store_close(reader);
	assert_false(store_is_damaged()); /* it may be of another version */
	store = temp_open(&temp, STORE_RECORDER);
	store_last_id(store);
	assert_true(store_is_damaged());
	store_close(store);
	store_move_aside(temp.path);
	store = temp_open(&temp, STORE_RECORDER);
	assert_false(store_is_damaged());
}

static void only_the_newest_damaged_files_stay(void **state)
{
	char oldest[160], newest[160];

	(void)state;
	for (int round = 0; round < 11; round++) {
		clock_freeze(1795314600000 + round, 0);
		store_close(store);
		store_move_aside(temp.path);
		store = temp_open(&temp, STORE_RECORDER);
	}
	assert_int_equal(count_files(".damaged-"), 8);
	snprintf(oldest, sizeof oldest, "%s.damaged-1795314600002", temp.path);
	snprintf(newest, sizeof newest, "%s.damaged-1795314600010", temp.path);
	assert_int_equal(access(oldest, F_OK), -1);
	assert_int_equal(access(newest, F_OK), 0);
}

static void damaged_rows_are_skipped_and_said(void **state)
{
	(void)state;
	fill(1, 3000);
	temp_sql(&temp,
		"UPDATE report SET data=x'01000031' WHERE id % 3 = 0 OR"
		" id BETWEEN 100 AND 2500");
	temp_sql(&temp, "UPDATE report SET source=99 WHERE id=1"); /* of nobody */
	reopen();
	/* A portion is full though: whoever asks for ten does not take less for the end.
	 */
	assert_int_equal(scan(store, 0, 10), 10);
	assert_int_equal(seen.ids[0], 2);
	assert_int_equal(seen.ids[9], 16);
	assert_string_equal(
		said, "report 1 cannot be unpacked, skipped; more are not said");
	assert_int_equal(scan(store, 99, 10), 10);
	assert_int_equal(seen.ids[0], 2501);
	assert_true(seen.values[0] == 2501);
	assert_int_equal(scan(store, 2990, 100), 6);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(an_empty_store),
		TEST(what_is_appended_is_read_back),
		TEST(rows_are_appended_together),
		TEST(scans_in_portions),
		TEST(names_follow_the_source),
		TEST(a_rollback_leaves_nothing),
		TEST(sources_are_numbered_once),
		TEST(joining_begins_once),
		TEST(forgets_the_oldest_in_portions),
		TEST(ids_go_on_after_retention),
		TEST(an_old_id_forgotten_late_brings_no_id_back),
		TEST(marks_are_kept),
		TEST(states_are_kept),
		TEST(cursors_and_dead_letters),
		TEST(metrics_are_written_for_other_readers),
		TEST(a_client_sees_commits_only),
		TEST(a_client_makes_no_store),
		TEST(a_newer_version_is_refused),
		TEST(a_foreign_file_is_refused),
		TEST(a_flipped_identity_is_damage),
		TEST(no_flipped_bit_of_the_head_refuses_a_store),
		TEST(a_damaged_file_is_moved_aside),
		TEST(an_id_out_of_order_is_damage),
		TEST(a_garbled_name_is_damage),
		TEST(only_the_newest_damaged_files_stay),
		TEST(damaged_rows_are_skipped_and_said),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
