#include "alerts/notifier.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/message.h"
#include "alerts/texts.h"
#include "alerts/worker.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/thread.h"

#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

enum { TRIAL_EXPIRES_MS = 10 * 60 * 1000 };

struct notifier {
	size_t count;
	struct worker *workers;
	char *store_path;
	pthread_mutex_t mutex;
	pthread_cond_t finished; /* a worker has */
};

static const struct channel_driver *driver_of(const struct option_item *item)
{
	return container_of(item->kind, const struct channel_driver, kind);
}

/* --- starting and stopping ------------------------------------------------ */

static void init_finished(struct notifier *notifier)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&notifier->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&notifier->finished, &attributes);
	pthread_condattr_destroy(&attributes);
}

static void note_end(struct worker *worker)
{
	struct notifier *notifier = worker->arg;

	pthread_mutex_lock(&notifier->mutex);
	worker->finished = true;
	pthread_cond_signal(&notifier->finished);
	pthread_mutex_unlock(&notifier->mutex);
}

static int start_worker(struct worker *worker)
{
	char name[16];

	snprintf(name, sizeof name, "ch-%.12s", worker->item->name);
	if (thread_start(&worker->thread, name, worker_run, worker) < 0) {
		log_error("channel %s: cannot start its thread", worker->item->name);
		return -1;
	}
	worker->started = true;
	return 0;
}

struct notifier *notifier_start(const struct config *config, const char *store_path)
{
	const struct option_list *channels = &config->alerts.channels;
	const struct option_item *items = channels->items;
	struct notifier *notifier = calloc(1, sizeof *notifier);

	if (!notifier)
		goto no_memory;
	init_finished(notifier);
	notifier->workers = calloc(channels->count + 1, sizeof *notifier->workers);
	notifier->store_path = strdup(store_path);
	if (!notifier->workers || !notifier->store_path)
		goto no_memory;
	for (size_t i = 0; i < channels->count; i++) {
		struct worker *worker = &notifier->workers[i];

		worker->on_end = note_end;
		worker->arg = notifier;
		worker->item = &items[i];
		worker->driver = driver_of(&items[i]);
		worker->env = (struct channel_env){ .name = items[i].name,
			.config = config,
			.store_path = notifier->store_path };
		worker->status.name = items[i].name;
		worker->status.type = items[i].kind->name;
		bell_init(&worker->bell);
		pthread_mutex_init(&worker->mutex, NULL);
		notifier->count++;
	}
	for (size_t i = 0; i < notifier->count; i++) {
		if (start_worker(&notifier->workers[i]) < 0) {
			notifier_stop(notifier, 0);
			return NULL;
		}
	}
	return notifier;
no_memory:
	log_error("notifier: out of memory");
	notifier_stop(notifier, 0);
	return NULL;
}

void notifier_ring(struct notifier *notifier)
{
	for (size_t i = 0; i < notifier->count; i++)
		bell_ring(&notifier->workers[i].bell);
}

static bool all_finished(const struct notifier *notifier)
{
	for (size_t i = 0; i < notifier->count; i++) {
		if (notifier->workers[i].started && !notifier->workers[i].finished)
			return false;
	}
	return true;
}

static void drain(struct notifier *notifier, int64_t grace_ms)
{
	struct timespec deadline = clock_deadline(grace_ms);
	int error = 0;

	for (size_t i = 0; i < notifier->count; i++) {
		struct worker *worker = &notifier->workers[i];

		pthread_mutex_lock(&worker->mutex);
		worker->draining = true;
		pthread_mutex_unlock(&worker->mutex);
		bell_ring(&worker->bell);
	}
	pthread_mutex_lock(&notifier->mutex);
	while (error == 0 && !all_finished(notifier))
		error = pthread_cond_timedwait(
			&notifier->finished, &notifier->mutex, &deadline);
	pthread_mutex_unlock(&notifier->mutex);
}

/* Tells a worker to stop now, whatever it is sending. */
static void cut_short(struct worker *worker)
{
	bell_stop(&worker->bell);
	pthread_mutex_lock(&worker->mutex);
	if (worker->self && worker->driver->abort)
		worker->driver->abort(worker->self);
	pthread_mutex_unlock(&worker->mutex);
}

uint64_t notifier_stop(struct notifier *notifier, int64_t grace_ms)
{
	uint64_t sent = 0;

	if (!notifier)
		return 0;
	if (grace_ms > 0)
		drain(notifier, grace_ms);
	for (size_t i = 0; i < notifier->count; i++)
		cut_short(&notifier->workers[i]);
	for (size_t i = 0; i < notifier->count; i++) {
		struct worker *worker = &notifier->workers[i];

		if (worker->started)
			pthread_join(worker->thread, NULL);
		sent += worker->status.sent;
		pthread_mutex_destroy(&worker->mutex);
		bell_free(&worker->bell);
	}
	pthread_cond_destroy(&notifier->finished);
	pthread_mutex_destroy(&notifier->mutex);
	free(notifier->workers);
	free(notifier->store_path);
	free(notifier);
	return sent;
}

size_t notifier_count(const struct notifier *notifier)
{
	return notifier->count;
}

void notifier_get_status(
	const struct notifier *notifier, size_t index, struct channel_status *status)
{
	struct worker *worker = &notifier->workers[index];

	pthread_mutex_lock(&worker->mutex);
	*status = worker->status;
	pthread_mutex_unlock(&worker->mutex);
}

void notifier_set_down(struct notifier *notifier, size_t index, bool down)
{
	struct worker *worker = &notifier->workers[index];

	pthread_mutex_lock(&worker->mutex);
	worker->status.down = down;
	pthread_mutex_unlock(&worker->mutex);
}

/* --- trying a channel ------------------------------------------------------ */

static void fill_trial(const struct config *config, const struct option_item *item,
	struct message *message)
{
	const struct channel_common *common = item->common;
	const struct station_config *station = &config->station;
	int language =
		common->language > 0 ? common->language - 1 : config->alerts.language;
	int64_t now = clock_wall_ms();

	*message = (struct message){
		.revision = 1,
		.test = true,
		.rule = "test",
		.hazard = HAZARD_DEVICE,
		.severity = SEVERITY_MINOR,
		.value = NAN,
		.threshold = NAN,
		.since_ms = now,
		.at_ms = now,
		.expires_ms = now + TRIAL_EXPIRES_MS,
	};
	snprintf(message->id, sizeof message->id, "test%lld", (long long)now);
	snprintf(message->station, sizeof message->station, "%s",
		station->id ? station->id : "");
	snprintf(message->station_name, sizeof message->station_name, "%s",
		station->name && station->name[0] ? station->name : message->station);
	snprintf(message->area, sizeof message->area, "%s",
		station->area ? station->area : "");
	snprintf(message->language, sizeof message->language, "%s",
		config_languages[language]);
	texts_fill_trial(message);
}

void notifier_test(const struct config *config, const struct option_item *item,
	struct answer *answer)
{
	const struct channel_driver *driver = driver_of(item);
	const struct channel_env env = { .name = item->name, .config = config };
	struct message message;

	*answer = (struct answer){ .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };
	fill_trial(config, item, &message);
	void *self =
		driver->open(&env, item->options, answer->reason, sizeof answer->reason);
	if (!self)
		return;
	driver->send(self, &message, answer);
	driver->close(self);
}
