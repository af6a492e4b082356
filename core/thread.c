#include "core/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

/* Enough for SQLite, curl and a few reports; only touched pages cost memory. */
enum { STACK_SIZE = 256 * 1024 };

struct start {
	void *(*run)(void *);
	void *arg;
	char name[16];
};

static void *thread_main(void *arg)
{
	struct start start = *(struct start *)arg;

	free(arg);
	pthread_setname_np(pthread_self(), start.name);
	return start.run(start.arg);
}

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg)
{
	struct start *start = malloc(sizeof *start);
	pthread_attr_t attributes;
	sigset_t all, before;

	if (!start)
		return -1;
	*start = (struct start){ .run = run, .arg = arg };
	strncpy(start->name, name, sizeof start->name - 1);
	pthread_attr_init(&attributes);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
#endif
	/* Signals are main's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(thread, &attributes, thread_main, start);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (error) {
		free(start);
		errno = error;
		return -1;
	}
	return 0;
}

void bell_init(struct bell *bell)
{
	pthread_condattr_t attributes;

	memset(bell, 0, sizeof *bell);
	pthread_mutex_init(&bell->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&bell->cond, &attributes);
	pthread_condattr_destroy(&attributes);
}

void bell_free(struct bell *bell)
{
	pthread_cond_destroy(&bell->cond);
	pthread_mutex_destroy(&bell->mutex);
}

static void ring(struct bell *bell, bool stop)
{
	pthread_mutex_lock(&bell->mutex);
	bool signal = stop || !bell->rung;
	bell->rung = true;
	bell->stopping |= stop;
	if (signal)
		pthread_cond_signal(&bell->cond);
	pthread_mutex_unlock(&bell->mutex);
}

void bell_ring(struct bell *bell)
{
	ring(bell, false);
}

void bell_stop(struct bell *bell)
{
	ring(bell, true);
}

bool bell_is_stopping(struct bell *bell)
{
	pthread_mutex_lock(&bell->mutex);
	bool stopping = bell->stopping;
	pthread_mutex_unlock(&bell->mutex);
	return stopping;
}

bool bell_wait(struct bell *bell, int64_t ms)
{
	struct timespec deadline = clock_deadline(ms < 0 ? 0 : ms);
	int error = 0;

	pthread_mutex_lock(&bell->mutex);
	while (!bell->rung && !bell->stopping && error != ETIMEDOUT) {
		if (ms < 0)
			pthread_cond_wait(&bell->cond, &bell->mutex);
		else
			error = pthread_cond_timedwait(
				&bell->cond, &bell->mutex, &deadline);
	}
	bell->rung = false;
	bool go_on = !bell->stopping;
	pthread_mutex_unlock(&bell->mutex);
	return go_on;
}
