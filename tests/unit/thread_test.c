/* Threads and their bells. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/thread.h"

struct seen {
	char name[16];
	bool blocks_term;
	int number;
};

static void *look_around(void *arg)
{
	struct seen *seen = arg;
	sigset_t mask;

	pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	seen->blocks_term = sigismember(&mask, SIGTERM);
	seen->number *= 2;
	return seen;
}

static void a_thread_has_a_name_and_no_signals(void **state)
{
	(void)state;
	struct seen seen = { .number = 21 };
	pthread_t thread;
	void *result;
	sigset_t mask;

	assert_int_equal(thread_start(&thread, "recorder", look_around, &seen), 0);
	pthread_join(thread, &result);
	assert_ptr_equal(result, &seen);
	assert_string_equal(seen.name, "recorder");
	assert_true(seen.blocks_term);
	assert_int_equal(seen.number, 42);
	/* They are main's, who keeps them. */
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	assert_false(sigismember(&mask, SIGTERM));

	assert_int_equal(
		thread_start(&thread, "a name of twenty bytes", look_around, &seen), 0);
	pthread_join(thread, NULL);
	assert_string_equal(seen.name, "a name of twent");
}

static void a_ring_before_the_wait_is_not_lost(void **state)
{
	(void)state;
	struct bell bell;

	bell_init(&bell);
	bell_ring(&bell);
	bell_ring(&bell); /* twice is once */
	int64_t start = clock_real_ms();
	assert_true(bell_wait(&bell, 10000));
	assert_true(clock_real_ms() - start < 5000);
	start = clock_real_ms();
	assert_true(bell_wait(&bell, 30));
	assert_in_range(clock_real_ms() - start, 29, 5000);
	assert_true(bell_wait(&bell, 0));
	bell_free(&bell);
}

static void stopping_is_for_good(void **state)
{
	(void)state;
	struct bell bell;

	bell_init(&bell);
	assert_false(bell_is_stopping(&bell));
	bell_stop(&bell);
	assert_true(bell_is_stopping(&bell));
	for (int i = 0; i < 3; i++) {
		assert_false(bell_wait(&bell, -1));
		assert_false(bell_wait(&bell, 10000));
		bell_ring(&bell);
	}
	bell_free(&bell);
}

struct pair {
	struct bell bell, answer;
	atomic_int woken;
};

static void *wait_and_answer(void *arg)
{
	struct pair *pair = arg;

	while (bell_wait(&pair->bell, -1)) {
		pair->woken++;
		bell_ring(&pair->answer);
	}
	return NULL;
}

static void wakes_another_thread(void **state)
{
	(void)state;
	struct pair pair = { .woken = 0 };
	pthread_t thread;

	bell_init(&pair.bell);
	bell_init(&pair.answer);
	assert_int_equal(thread_start(&thread, "waiter", wait_and_answer, &pair), 0);
	for (int i = 1; i <= 2000; i++) {
		bell_ring(&pair.bell);
		int64_t start = clock_real_ms();
		assert_true(bell_wait(&pair.answer, 10000));
		assert_true(clock_real_ms() - start < 9000);
		assert_int_equal(pair.woken, i);
	}
	usleep(1000);
	bell_stop(&pair.bell); /* while it waits without limit */
	pthread_join(thread, NULL);
	assert_int_equal(pair.woken, 2000);
	bell_free(&pair.bell);
	bell_free(&pair.answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_has_a_name_and_no_signals),
		cmocka_unit_test(a_ring_before_the_wait_is_not_lost),
		cmocka_unit_test(stopping_is_for_good),
		cmocka_unit_test(wakes_another_thread),
	};

	return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
