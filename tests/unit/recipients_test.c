/* Who has had a message, over repeats, restarts and edits of the file. */
#include "alerts/recipients.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/log.h"
#include "tests/unit/temp_store.h"

static struct temp temp;
static char list_path[128], notes_path[128];
static char logged[4096];

static void keep_log(enum log_level level, const char *line)
{
	(void)level;
	snprintf(logged + strlen(logged), sizeof logged - strlen(logged), "%s\n", line);
}

static int make_folder(void **state)
{
	(void)state;
	temp_make(&temp);
	snprintf(list_path, sizeof list_path, "%s/list", temp.directory);
	snprintf(notes_path, sizeof notes_path, "%s.phones.sent", temp.path);
	logged[0] = '\0';
	log_set_sink(keep_log);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	temp_remove(&temp);
	log_set_sink(NULL);
	return 0;
}

static void write_list(const char *text)
{
	char why[256];

	assert_true(file_replace(list_path, text, strlen(text), why, sizeof why));
}

static struct recipients *make(void)
{
	const struct channel_env env = { .name = "phones", .store_path = temp.path };
	struct recipients *recipients = recipients_new(list_path, NULL, &env);

	assert_non_null(recipients);
	return recipients;
}

static struct message message_of(const char *id, int revision)
{
	struct message message = { .revision = revision };

	snprintf(message.id, sizeof message.id, "%s", id);
	return message;
}

static void note(struct recipients *recipients, const char *name, enum outcome outcome)
{
	const struct answer answer = { .outcome = outcome,
		.retry_after_ms = outcome == OUTCOME_RETRY ? 5000 : -1,
		.reason = "because" };
	const char *next = recipients_next(recipients);

	assert_non_null(next);
	assert_string_equal(next, name);
	assert_int_equal(recipients_note(recipients, &answer), outcome != OUTCOME_HELD);
}

static void test_lines(void **state)
{
	struct message message = message_of("e", 1);
	struct answer answer;

	(void)state;
	write_list("# head\r\n  one \t# comment\n\n\ntwo topic\r\nthree");
	struct recipients *recipients = make();
	assert_true(recipients_begin(recipients, &message, &answer));
	assert_string_equal(recipients_next(recipients), "one");
	assert_string_equal(recipients_next(recipients), "two topic");
	assert_string_equal(recipients_next(recipients), "three");
	assert_null(recipients_next(recipients));
	recipients_free(recipients);
}

static void test_nobody(void **state)
{
	struct message message = message_of("e", 1);
	struct answer answer;

	(void)state;
	struct recipients *recipients = make();
	assert_false(recipients_begin(recipients, &message, &answer));
	assert_int_equal(answer.outcome, OUTCOME_HELD);
	assert_non_null(strstr(answer.reason, list_path));
	write_list("# nobody\n");
	assert_false(recipients_begin(recipients, &message, &answer));
	assert_int_equal(answer.outcome, OUTCOME_HELD);
	recipients_free(recipients);
}

/* A round that breaks off goes on with those who are left, in another process, too. */
static void test_the_rest(void **state)
{
	struct message first = message_of("e", 1), second = message_of("e", 2);
	struct answer answer;

	(void)state;
	write_list("a\nb\nc\nd\n");
	struct recipients *recipients = make();
	assert_true(recipients_begin(recipients, &first, &answer));
	note(recipients, "a", OUTCOME_DONE);
	note(recipients, "b", OUTCOME_RETRY);
	note(recipients, "c", OUTCOME_DONE);
	note(recipients, "d", OUTCOME_HELD);
	recipients_end(recipients, &answer);
	assert_int_equal(answer.outcome, OUTCOME_HELD);
	assert_true(answer.maybe_taken); /* two of them are owed the all-clear */
	recipients_free(recipients);
	struct stat notes;
	assert_int_equal(stat(notes_path, &notes), 0);
	assert_int_equal(notes.st_mode & 0777, 0600);

	recipients = make();
	assert_true(recipients_begin(recipients, &first, &answer));
	note(recipients, "b", OUTCOME_DONE);
	note(recipients, "d", OUTCOME_DONE);
	assert_null(recipients_next(recipients));
	recipients_end(recipients, &answer);
	assert_int_equal(answer.outcome, OUTCOME_DONE);
	assert_string_equal(answer.reason, "");
	assert_int_equal(stat(notes_path, &notes), -1);

	assert_true(recipients_begin(recipients, &second, &answer));
	note(recipients, "a", OUTCOME_DONE);
	recipients_free(recipients);
}

/* Notes of another message mean nothing. */
static void test_notes_of_another(void **state)
{
	struct message first = message_of("e", 1), other = message_of("e", 11);
	struct answer answer;

	(void)state;
	write_list("a\nb\n");
	struct recipients *recipients = make();
	assert_true(recipients_begin(recipients, &first, &answer));
	note(recipients, "a", OUTCOME_DONE);
	note(recipients, "b", OUTCOME_RETRY);
	recipients_end(recipients, &answer);
	assert_int_equal(answer.outcome, OUTCOME_RETRY);
	assert_int_equal(answer.retry_after_ms, 5000);
	recipients_free(recipients);
	recipients = make();
	assert_true(recipients_begin(recipients, &other, &answer));
	note(recipients, "a", OUTCOME_DONE);
	recipients_free(recipients);
}

static void test_dead_until_the_file_changes(void **state)
{
	struct message first = message_of("e", 1), second = message_of("f", 1);
	struct answer answer;

	(void)state;
	write_list("a\nb\n");
	struct recipients *recipients = make();
	assert_true(recipients_begin(recipients, &first, &answer));
	note(recipients, "a", OUTCOME_REFUSED);
	note(recipients, "b", OUTCOME_DONE);
	recipients_end(recipients, &answer);
	assert_int_equal(answer.outcome, OUTCOME_DONE);
	assert_non_null(strstr(
		logged, "recipient 1 of 2 is left out until the file changes: because"));
	assert_true(recipients_begin(recipients, &second, &answer));
	note(recipients, "b", OUTCOME_REFUSED);
	assert_null(recipients_next(recipients));
	recipients_end(recipients, &answer);
	assert_int_equal(answer.outcome, OUTCOME_REFUSED);
	assert_non_null(strstr(answer.reason, "none of 2 recipients"));
	write_list("a\nb\nc\n");
	assert_true(recipients_begin(recipients, &second, &answer));
	note(recipients, "a", OUTCOME_DONE);
	note(recipients, "b", OUTCOME_DONE);
	/* Edited in the middle of a message: who had it is done with. */
	write_list("c\nb\n");
	assert_true(recipients_begin(recipients, &second, &answer));
	note(recipients, "c", OUTCOME_DONE);
	assert_null(recipients_next(recipients));
	recipients_free(recipients);
}

static void test_from_the_configuration(void **state)
{
	const char *values[] = { "x@a", "y@a" };
	const struct option_strings list = { .values = values, .count = 2 };
	const struct channel_env env = { .name = "mail" };
	struct message first = message_of("e", 1), second = message_of("e", 2);
	struct answer answer;

	(void)state;
	struct recipients *recipients = recipients_new(NULL, &list, &env);
	assert_true(recipients_begin(recipients, &first, &answer));
	note(recipients, "x@a", OUTCOME_REFUSED);
	note(recipients, "y@a", OUTCOME_RETRY);
	recipients_end(recipients, &answer);
	assert_int_equal(answer.outcome, OUTCOME_RETRY);
	assert_true(recipients_begin(recipients, &first, &answer));
	note(recipients, "y@a", OUTCOME_DONE);
	recipients_end(recipients, &answer);
	/* A server may have been wrong about one: the next message tries again. */
	assert_true(recipients_begin(recipients, &second, &answer));
	note(recipients, "x@a", OUTCOME_DONE);
	recipients_free(recipients);
}

static void test_damaged_notes(void **state)
{
	static const char junk[] = "e 1\nzz\n\n-1\n99999999999999999999999999\n\xff";
	struct message message = message_of("e", 1);
	struct answer answer;
	char why[256];

	(void)state;
	write_list("a\n");
	assert_true(file_replace(notes_path, junk, sizeof junk - 1, why, sizeof why));
	struct recipients *recipients = make();
	assert_true(recipients_begin(recipients, &message, &answer));
	note(recipients, "a", OUTCOME_DONE);
	recipients_free(recipients);
}

/* --- core/file ------------------------------------------------------------ */

static void test_files(void **state)
{
	struct buffer out;
	char why[256], missing[160];

	(void)state;
	write_list("one");
	write_list("another");
	buffer_init(&out, 7);
	assert_true(file_read(list_path, &out, why, sizeof why));
	assert_string_equal(buffer_text(&out), "another");
	buffer_free(&out);
	buffer_init(&out, 6);
	assert_false(file_read(list_path, &out, why, sizeof why));
	assert_non_null(strstr(why, list_path));
	buffer_free(&out);
	snprintf(missing, sizeof missing, "%s/no/such", temp.directory);
	buffer_init(&out, 6);
	assert_false(file_read(missing, &out, why, sizeof why));
	assert_false(file_replace(missing, "x", 1, why, sizeof why));
	assert_non_null(strstr(why, missing));
	assert_false(file_read(temp.directory, &out, why, sizeof why));
	buffer_free(&out);
	snprintf(missing, sizeof missing, "%s.new", list_path);
	assert_int_equal(access(missing, F_OK), -1);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(test_lines),
		IN_FOLDER(test_nobody),
		IN_FOLDER(test_the_rest),
		IN_FOLDER(test_notes_of_another),
		IN_FOLDER(test_dead_until_the_file_changes),
		IN_FOLDER(test_from_the_configuration),
		IN_FOLDER(test_damaged_notes),
		IN_FOLDER(test_files),
	};

	return cmocka_run_group_tests_name("recipients", tests, NULL, NULL);
}
