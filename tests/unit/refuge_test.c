/* The place of refuge: what is taken along, and what comes home. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/log.h"
#include "store/cursors.h"
#include "store/outbox.h"
#include "store/refuge.h"
#include "store/reports.h"
#include "store/state.h"
#include "store/undated.h"
#include "tests/unit/temp_store.h"

static struct temp home, away;
static struct store *store, *refuge;

static void no_log(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static int make(void **state)
{
	(void)state;
	log_set_sink(no_log);
	temp_make(&home);
	temp_make(&away);
	store = temp_open(&home, STORE_RECORDER);
	refuge = temp_open(&away, STORE_RECORDER);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	store_close(store);
	store_close(refuge);
	temp_remove(&home);
	temp_remove(&away);
	return 0;
}

static void append(struct store *where, const char *sensor, int64_t time_ms)
{
	struct report report = temp_report("S", sensor, time_ms, 1);

	assert_int_equal(store_join(where), 0);
	temp_append(where, &report);
	assert_int_equal(store_commit(where), 0);
}

static void set_state(struct store *where, const char *text)
{
	assert_int_equal(store_join(where), 0);
	assert_int_equal(alert_state_set(where, "rule", "S", text), 0);
	assert_int_equal(store_commit(where), 0);
}

static const char *state_of(struct store *where)
{
	static char text[32];
	sqlite3_stmt *stmt;

	assert_int_equal(sqlite3_prepare_v2(store_handle(where),
				 "SELECT state FROM alert_state", -1, &stmt, NULL),
		SQLITE_OK);
	bool is_there = sqlite3_step(stmt) == SQLITE_ROW;
	snprintf(text, sizeof text, "%s",
		is_there ? (const char *)sqlite3_column_text(stmt, 0) : "");
	sqlite3_finalize(stmt);
	return text;
}

static int64_t leave(void)
{
	int64_t reports;

	store_close(refuge);
	refuge = NULL;
	assert_true(refuge_is_used(away.path));
	assert_int_equal(refuge_leave(store, away.path, &reports), 0);
	assert_false(refuge_is_used(away.path));
	return reports;
}

static void test_there_and_back(void **state)
{
	int64_t place;

	(void)state;
	append(store, "a", 1);
	append(store, "b", 2);
	set_state(store, "firing");
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_cursor_set(store, "city", 1), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(refuge_enter(refuge, home.path), 0);
	assert_true(refuge_is_entered(refuge));
	assert_string_equal(state_of(refuge), "firing");
	assert_int_equal(store_last_id(refuge), 2);
	append(refuge, "c", 3);
	append(refuge, "b", 4);
	set_state(refuge, "clear");
	assert_int_equal(store_begin(refuge), 0);
	assert_int_equal(store_cursor_set(refuge, "city", 4), 0);
	assert_int_equal(store_commit(refuge), 0);
	assert_int_equal(leave(), 2);
	assert_string_equal(state_of(store), "clear");
	assert_int_equal(store_last_id(store), 4);
	assert_true(temp_number(store,
			    "SELECT count(*) FROM report JOIN source ON"
			    " source.id = report.source WHERE sensor='b'") == 2);
	/* Report 2 has been delivered to nobody. */
	assert_int_equal(store_cursor_get(store, "city", &place), 0);
	assert_int_equal(place, 1);
}

/* Its number there may be another source's at home. */
static void test_undated_keep_their_source(void **state)
{
	struct report report = temp_report("S", "late", 1, 1);
	uint8_t packed[CODEC_MAX];
	size_t length = codec_pack(&report, packed);
	int64_t source;

	(void)state;
	assert_int_equal(refuge_enter(refuge, home.path), 0);
	assert_int_equal(store_begin(refuge), 0);
	assert_int_equal(store_source(refuge, "S", "late", &source), 0);
	assert_int_equal(undated_add(refuge, "boot", source, 5, packed, length, 0), 0);
	assert_int_equal(store_commit(refuge), 0);
	append(refuge, "early", 2);
	assert_int_equal(leave(), 1);
	assert_true(temp_number(store,
			    "SELECT count(*) FROM undated JOIN source ON"
			    " source.id = undated.source WHERE sensor='late'") == 1);
	assert_true(temp_number(store,
			    "SELECT count(*) FROM report JOIN source ON"
			    " source.id = report.source WHERE sensor='early'") == 1);
}

static void copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	char bytes[4096];
	size_t length;

	assert_true(in && out);
	while ((length = fread(bytes, 1, sizeof bytes, in)) > 0)
		assert_int_equal(fwrite(bytes, 1, length, out), length);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

static void test_only_once(void **state)
{
	char copy[160];
	int64_t reports;

	(void)state;
	set_state(store, "clear");
	assert_int_equal(refuge_enter(refuge, home.path), 0);
	set_state(refuge, "firing");
	append(refuge, "a", 1);
	store_close(refuge);
	refuge = NULL;
	/* The process ended between the commit and the removal. */
	snprintf(copy, sizeof copy, "%s/copy.db", away.directory);
	copy_file(away.path, copy);
	assert_int_equal(refuge_leave(store, away.path, &reports), 0);
	set_state(store, "resolved since");
	assert_int_equal(refuge_leave(store, copy, &reports), 0);
	assert_string_equal(state_of(store), "resolved since");
	assert_int_equal(access(copy, F_OK), -1);
}

static void test_a_home_that_cannot_be_read(void **state)
{
	(void)state;
	append(store, "a", 1);
	set_state(store, "firing");
	store_close(store);
	/* All that is left is a head that SQLite does not take. */
	FILE *file = fopen(home.path, "r+b");
	assert_non_null(file);
	for (int i = 0; i < 4096; i++)
		fputc(0xff, file);
	fclose(file);
	assert_int_equal(refuge_enter(refuge, home.path), 0);
	append(refuge, "a", 2);
	assert_true(store_last_id(refuge) > INT64_C(1) << 32);
	/* Healed by another disk: what is there stays, what is new comes. */
	assert_int_equal(unlink(home.path), 0);
	store = temp_open(&home, STORE_RECORDER);
	append(store, "a", 1);
	set_state(store, "firing");
	assert_int_equal(leave(), 1);
	assert_string_equal(state_of(store), "firing");
	assert_true(temp_number(store, "SELECT count(*) FROM report") == 2);
}

static void test_no_home_yet(void **state)
{
	(void)state;
	assert_int_equal(refuge_enter(refuge, "/nonexistent/store.db"), 0);
	append(refuge, "a", 1);
	assert_int_equal(leave(), 1);
	assert_true(temp_number(store, "SELECT count(*) FROM report") == 1);
}

static void test_trouble(void **state)
{
	char path[160];

	(void)state;
	snprintf(path, sizeof path, "%s/x.db", home.directory);
	assert_int_equal(refuge_trouble(path, 1 << 20), 0);
	assert_int_equal(refuge_trouble("/nonexistent/x.db", 1 << 20), 0);
	assert_int_equal(refuge_trouble("/proc/x.db", 1 << 20), 0);
	/* More than there can be. */
	assert_int_not_equal(refuge_trouble(path, INT64_C(1) << 50), 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void test_the_place_is_ours_alone(void **state)
{
	char path[PATH_MAX], other[PATH_MAX];

	(void)state;
	setenv("RUNTIME_DIRECTORY", away.directory, 1);
	assert_true(refuge_path("/var/lib/a.db", path));
	assert_true(refuge_path("/var/lib/b.db", other));
	assert_string_not_equal(path, other);
	assert_int_equal(strncmp(path, away.directory, strlen(away.directory)), 0);
	assert_int_equal(chmod(away.directory, 0777), 0);
	assert_false(refuge_path("/var/lib/a.db", path));
	unsetenv("RUNTIME_DIRECTORY");
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_there_and_back),
		TEST(test_undated_keep_their_source),
		TEST(test_only_once),
		TEST(test_a_home_that_cannot_be_read),
		TEST(test_no_home_yet),
		TEST(test_trouble),
		TEST(test_the_place_is_ours_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
