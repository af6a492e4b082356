/*
 * A channel's thread: takes the messages of its channel from the outbox, one after the
 * other, and sees each to its end. The notifier starts and stops it.
 */
#ifndef MUABUI_ALERTS_WORKER_H
#define MUABUI_ALERTS_WORKER_H

#include <pthread.h>
#include <stdbool.h>

#include "alerts/channel.h"
#include "alerts/notifier.h"
#include "core/thread.h"
#include "store/outbox.h"
#include "store/store.h"

/* What stands after the mutex is everybody's, the rest its thread's once that runs. */
struct worker {
	const struct option_item *item;
	const struct channel_driver *driver;
	struct channel_env env;
	void (*on_end)(struct worker *worker); /* the thread's last act */
	void *arg;                             /* on_end()'s */
	struct store *store;
	struct bell bell;
	pthread_t thread;
	bool started;
	struct outbox_item row; /* too large for a stack */

	pthread_mutex_t mutex;
	void *self; /* the driver's connection; aborted from outside */
	bool draining;
	bool finished;
	struct channel_status status;
};

/* The thread; ARG is a struct worker. Until its bell stops, or it has drained. */
void *worker_run(void *arg);

#endif
