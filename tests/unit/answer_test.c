#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/answer.h"
#include "core/secret.h"

static void test_outcomes(void **state)
{
	static const struct {
		int status;
		enum outcome outcome;
	} cases[] = {
		{ 0, OUTCOME_RETRY },
		{ 200, OUTCOME_DONE },
		{ 201, OUTCOME_DONE },
		{ 204, OUTCOME_DONE },
		{ 299, OUTCOME_DONE },
		{ 301, OUTCOME_HELD },
		{ 302, OUTCOME_HELD },
		{ 400, OUTCOME_REFUSED },
		{ 401, OUTCOME_HELD },
		{ 403, OUTCOME_HELD },
		{ 404, OUTCOME_HELD },
		{ 405, OUTCOME_HELD },
		{ 407, OUTCOME_HELD },
		{ 408, OUTCOME_RETRY },
		{ 409, OUTCOME_REFUSED },
		{ 410, OUTCOME_REFUSED },
		{ 413, OUTCOME_REFUSED },
		{ 422, OUTCOME_REFUSED },
		{ 425, OUTCOME_RETRY },
		{ 429, OUTCOME_RETRY },
		{ 500, OUTCOME_RETRY },
		{ 502, OUTCOME_RETRY },
		{ 503, OUTCOME_RETRY },
		{ 599, OUTCOME_RETRY },
		{ 100, OUTCOME_RETRY },
		{ 600, OUTCOME_RETRY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(answer_outcome(cases[i].status), cases[i].outcome);
	assert_string_equal(outcome_name(OUTCOME_HELD), "held");
}

/* Every wait lies in LOW … HIGH, and they are not all the same. */
static void expect_wait(enum outcome outcome, int64_t retry_after_ms, unsigned attempt,
	int64_t low, int64_t high)
{
	struct answer answer = { .outcome = outcome, .retry_after_ms = retry_after_ms };
	int64_t least = INT64_MAX, most = 0;

	for (int i = 0; i < 200; i++) {
		int64_t wait = answer_backoff_ms(&answer, attempt);
		assert_in_range(wait, low, high);
		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
	}
	assert_true(most > least);
}

static void test_backoff(void **state)
{
	(void)state;
	expect_wait(OUTCOME_RETRY, -1, 0, 500, 1000);
	expect_wait(OUTCOME_RETRY, -1, 1, 500, 1000);
	expect_wait(OUTCOME_RETRY, -1, 2, 1000, 2000);
	expect_wait(OUTCOME_RETRY, -1, 5, 8000, 16000);
	expect_wait(OUTCOME_RETRY, -1, 7, 30000, 60000);
	expect_wait(OUTCOME_RETRY, -1, 4000000000u, 30000, 60000);
	expect_wait(OUTCOME_HELD, -1, 1, 15000, 30000);
	expect_wait(OUTCOME_HELD, -1, 9, 30000, 60000);
	expect_wait(OUTCOME_RETRY, 0, 1, 500, 1000);
	expect_wait(OUTCOME_RETRY, 5000, 1, 5000, 5500);
	expect_wait(OUTCOME_RETRY, 5000, 7, 30000, 60000);
	expect_wait(OUTCOME_RETRY, INT64_MAX, 1, 3600000, 3600500);
}

/* An hour without an answer: asked often enough to notice its end within a minute, and
 * seldom enough to be no burden. */
static void test_an_hour_of_failures(void **state)
{
	const struct answer answer = { .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };
	unsigned attempts = 0;

	(void)state;
	for (int64_t ms = 0; ms < 3600 * 1000;) {
		int64_t wait = answer_backoff_ms(&answer, ++attempts);
		assert_in_range(wait, 500, 60000);
		ms += wait;
	}
	assert_in_range(attempts, 60, 130);
}

/* --- secrets: too small for a file of their own ------------------------- */

static char directory[] = "/tmp/muabui-secret-XXXXXX";

static const char *write_file(const char *name, const char *bytes, size_t length)
{
	static char path[256];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	fclose(file);
	return path;
}

static void test_secret_is_read_without_line_end(void **state)
{
	char secret[SECRET_MAX], why[256] = "";

	(void)state;
	assert_true(secret_read(write_file("a", "s3cret\n", 7), secret, why, sizeof why));
	assert_string_equal(secret, "s3cret");
	assert_true(
		secret_read(write_file("a", "s3cret\r\n\n", 9), secret, why, sizeof why));
	assert_string_equal(secret, "s3cret");
	assert_true(secret_read(write_file("a", " a b ", 5), secret, why, sizeof why));
	assert_string_equal(secret, " a b ");
	secret_wipe(secret, sizeof secret);
	for (size_t i = 0; i < sizeof secret; i++)
		assert_int_equal(secret[i], 0);
}

static void test_secret_refusals(void **state)
{
	char secret[SECRET_MAX], why[256] = "", large[SECRET_MAX + 10];

	(void)state;
	memset(large, 'x', sizeof large);
	assert_false(secret_read("/nowhere/token", secret, why, sizeof why));
	assert_string_equal(why, "cannot open /nowhere/token: No such file or directory");
	assert_false(secret_read("/tmp", secret, why, sizeof why));
	assert_string_equal(why, "cannot read /tmp: Is a directory");
	assert_false(secret_read(write_file("b", "\n\n", 2), secret, why, sizeof why));
	assert_non_null(strstr(why, "is empty"));
	assert_false(secret_read(write_file("b", "a\0b", 3), secret, why, sizeof why));
	assert_non_null(strstr(why, "is not a text file"));
	const char *path = write_file("b", large, SECRET_MAX);
	assert_false(secret_read(path, secret, why, sizeof why));
	assert_non_null(strstr(why, "longer than 4095 bytes"));
	assert_null(strchr(secret, 'x'));
	path = write_file("b", large, SECRET_MAX - 1);
	assert_true(secret_read(path, secret, why, sizeof why));
	assert_int_equal(strlen(secret), SECRET_MAX - 1);
}

static void test_secret_in_credentials_directory(void **state)
{
	char secret[SECRET_MAX], why[256] = "";

	(void)state;
	write_file("token", "from-systemd\n", 13);
	setenv("CREDENTIALS_DIRECTORY", directory, 1);
	assert_true(secret_read("token", secret, why, sizeof why));
	assert_string_equal(secret, "from-systemd");
	assert_false(secret_read("tok", secret, why, sizeof why));
	assert_string_equal(why, "cannot open tok: No such file or directory");
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_false(secret_read("token", secret, why, sizeof why));
}

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	char path[256];

	(void)state;
	for (const char *const *name = (const char *const[]){ "a", "b", "token", NULL };
		*name; name++) {
		snprintf(path, sizeof path, "%s/%s", directory, *name);
		unlink(path);
	}
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_an_hour_of_failures),
		cmocka_unit_test(test_secret_is_read_without_line_end),
		cmocka_unit_test(test_secret_refusals),
		cmocka_unit_test(test_secret_in_credentials_directory),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
