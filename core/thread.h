/* Threads with a name and a small stack. */
#ifndef MUABUI_CORE_THREAD_H
#define MUABUI_CORE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* NAME (≤ 15 bytes) is what ps and top show. 0 or -1 with errno. */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg);

/*
 * A bell: one thread waits, others ring. A ring before the wait is not lost.
 * Also how a thread is told to stop.
 */
struct bell {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool rung;
	bool stopping;
};

void bell_init(struct bell *bell);
void bell_free(struct bell *bell);
void bell_ring(struct bell *bell);
/* Tells the waiter to stop, for good. */
void bell_stop(struct bell *bell);
bool bell_is_stopping(struct bell *bell);
/* Waits for a ring or MS real milliseconds (-1: no limit). False when told to stop. */
bool bell_wait(struct bell *bell, int64_t ms);

#endif
