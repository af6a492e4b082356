#include "alerts/push_workers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/thread.h"

enum {
	WORKERS_MAX = 16,
	AT_A_TIME = 8, /* so that the lock is taken rarely, and no one waits long */
};

struct push_workers {
	pthread_mutex_t mutex;
	pthread_cond_t more;
	struct push_sealing *todo, **todo_end;
	struct push_sealing *done, **done_end;
	bool stopping;
	void (*wake)(void *arg);
	void *arg;
	int count;
	pthread_t threads[WORKERS_MAX];
	struct push_cipher *ciphers[WORKERS_MAX];
	int started; /* gives each thread its cipher */
};

/* With the mutex held: the next few, cut off the list. NULL: it is over. */
static struct push_sealing *get_some(struct push_workers *workers)
{
	while (!workers->todo && !workers->stopping)
		pthread_cond_wait(&workers->more, &workers->mutex);
	if (workers->stopping)
		return NULL;
	struct push_sealing *first = workers->todo, *last = first;
	for (int i = 1; i < AT_A_TIME && last->next; i++)
		last = last->next;
	workers->todo = last->next;
	if (!workers->todo)
		workers->todo_end = &workers->todo;
	last->next = NULL;
	return first;
}

/* With the mutex held. True where nobody knows yet that something is done. */
static bool put_done(struct push_workers *workers, struct push_sealing *first)
{
	bool is_news = !workers->done;

	*workers->done_end = first;
	while (*workers->done_end)
		workers->done_end = &(*workers->done_end)->next;
	return is_news;
}

static void *run(void *arg)
{
	struct push_workers *workers = arg;
	struct push_sealing *some;

	pthread_mutex_lock(&workers->mutex);
	struct push_cipher *cipher = workers->ciphers[workers->started++];
	while ((some = get_some(workers))) {
		pthread_mutex_unlock(&workers->mutex);
		for (struct push_sealing *one = some; one; one = one->next)
			one->length = push_encrypt(cipher, one->p256dh, one->auth,
				one->text, one->text_length, one->body);
		pthread_mutex_lock(&workers->mutex);
		bool is_news = put_done(workers, some);
		pthread_mutex_unlock(&workers->mutex);
		if (is_news)
			workers->wake(workers->arg);
		pthread_mutex_lock(&workers->mutex);
	}
	pthread_mutex_unlock(&workers->mutex);
	return NULL;
}

struct push_workers *push_workers_new(int count, void (*wake)(void *arg), void *arg)
{
	struct push_workers *workers = calloc(1, sizeof *workers);

	if (!workers)
		return NULL;
	pthread_mutex_init(&workers->mutex, NULL);
	pthread_cond_init(&workers->more, NULL);
	workers->todo_end = &workers->todo;
	workers->done_end = &workers->done;
	workers->wake = wake;
	workers->arg = arg;
	for (int i = 0; i < count && i < WORKERS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof name, "push-%u", (i + 1U) % 1000);
		workers->ciphers[i] = push_cipher_new();
		if (!workers->ciphers[i] ||
			thread_start(&workers->threads[i], name, run, workers) < 0) {
			push_cipher_free(workers->ciphers[i]);
			push_workers_free(workers);
			return NULL;
		}
		workers->count++;
	}
	return workers;
}

void push_workers_free(struct push_workers *workers)
{
	if (!workers)
		return;
	pthread_mutex_lock(&workers->mutex);
	workers->stopping = true;
	pthread_cond_broadcast(&workers->more);
	pthread_mutex_unlock(&workers->mutex);
	for (int i = 0; i < workers->count; i++)
		pthread_join(workers->threads[i], NULL);
	for (int i = 0; i < workers->count; i++)
		push_cipher_free(workers->ciphers[i]);
	pthread_cond_destroy(&workers->more);
	pthread_mutex_destroy(&workers->mutex);
	free(workers);
}

void push_workers_give(struct push_workers *workers, struct push_sealing *first)
{
	if (!first)
		return;
	pthread_mutex_lock(&workers->mutex);
	*workers->todo_end = first;
	while (*workers->todo_end)
		workers->todo_end = &(*workers->todo_end)->next;
	pthread_cond_broadcast(&workers->more);
	pthread_mutex_unlock(&workers->mutex);
}

struct push_sealing *push_workers_take(struct push_workers *workers)
{
	pthread_mutex_lock(&workers->mutex);
	struct push_sealing *done = workers->done;
	workers->done = NULL;
	workers->done_end = &workers->done;
	pthread_mutex_unlock(&workers->mutex);
	return done;
}
