#include "alerts/notifier.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/channel.h"
#include "alerts/message.h"
#include "alerts/texts.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/thread.h"
#include "store/outbox.h"
#include "store/store.h"

#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

enum {
	LOOK_MS = 60 * 1000, /* the outbox is looked at that often without a ring */
	TROUBLE_MS = 1000,   /* before the store is tried again */
	TRIAL_EXPIRES_MS = 10 * 60 * 1000,
};

/* One channel. What stands after the mutex is everybody's, the rest its thread's. */
struct worker {
	struct notifier *notifier;
	const struct option_item *item;
	const struct channel_driver *driver;
	struct channel_env env;
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

/* --- the channel's connection ------------------------------------------ */

static void close_channel(struct worker *worker)
{
	pthread_mutex_lock(&worker->mutex);
	void *self = worker->self;
	worker->self = NULL;
	pthread_mutex_unlock(&worker->mutex);
	if (self)
		worker->driver->close(self);
}

/* Sends MESSAGE, opening the connection if need be. */
static void send_message(
	struct worker *worker, const struct message *message, struct answer *answer)
{
	*answer = (struct answer){ .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };
	if (!worker->self) {
		void *self = worker->driver->open(&worker->env, worker->item->options,
			answer->reason, sizeof answer->reason);
		if (!self)
			return;
		pthread_mutex_lock(&worker->mutex);
		worker->self = self;
		pthread_mutex_unlock(&worker->mutex);
		/* Told to stop before there was something to abort. */
		if (bell_is_stopping(&worker->bell))
			return;
	}
	worker->driver->send(worker->self, message, answer);
	/* A credential may be put right meanwhile: it is read when opening. */
	if (answer->outcome == OUTCOME_HELD)
		close_channel(worker);
}

/* --- what became of a row ----------------------------------------------- */

static void count_waiting(struct worker *worker)
{
	int64_t waiting = outbox_count(worker->store, worker->item->name);

	pthread_mutex_lock(&worker->mutex);
	if (waiting >= 0)
		worker->status.waiting = waiting;
	pthread_mutex_unlock(&worker->mutex);
}

/* Notes ANSWER in the status. True when it says something new about the channel. */
static bool note_answer(struct worker *worker, const struct answer *answer)
{
	struct channel_status *status = &worker->status;
	bool is_done = answer->outcome == OUTCOME_DONE;
	bool is_held = answer->outcome == OUTCOME_HELD;
	int64_t now = clock_wall_ms();

	pthread_mutex_lock(&worker->mutex);
	bool was_well = status->last_error_ms == 0 ||
		(status->last_success_ms >= status->last_error_ms && !status->held);
	bool is_news = is_done != was_well || is_held != status->held;
	status->held = is_held;
	if (is_done) {
		status->sent++;
		status->last_success_ms = now;
	} else {
		status->failures++;
		status->last_error_ms = now;
		snprintf(status->last_error, sizeof status->last_error, "%s",
			answer->reason);
	}
	pthread_mutex_unlock(&worker->mutex);
	return is_news;
}

static void log_answer(struct worker *worker, const struct answer *answer, bool is_news)
{
	const struct outbox_item *row = &worker->row;
	const char *name = worker->item->name;

	switch (answer->outcome) {
	case OUTCOME_DONE:
		if (is_news && worker->status.last_error_ms > 0)
			log_notice("channel %s: works again", name);
		log_info("channel %s: %s revision %d delivered", name, row->episode,
			row->revision);
		break;
	case OUTCOME_REFUSED:
		log_error("channel %s: %s revision %d refused: %s", name, row->episode,
			row->revision, answer->reason);
		break;
	case OUTCOME_HELD:
		if (is_news)
			log_error("channel %s: held until it is put right: %s", name,
				answer->reason);
		break;
	case OUTCOME_RETRY:
		if (is_news)
			log_warning("channel %s: %s; messages are kept and tried again",
				name, answer->reason);
		break;
	}
}

/*
 * Records that the row is done with. It must be recorded, or it would be sent again:
 * a store that is busy or full is asked until it takes it, or the program ends.
 */
static void finish(struct worker *worker, enum outbox_end end, const char *answer)
{
	bool said = false;

	while (outbox_finish(worker->store, &worker->row, end, clock_wall_ms(), answer) <
		0) {
		if (!said)
			log_error("channel %s: outcome not recorded yet: %s",
				worker->item->name, store_error(worker->store));
		said = true;
		bell_wait(&worker->bell, TROUBLE_MS);
		if (bell_is_stopping(&worker->bell))
			return;
	}
}

/* The channel failed, not the message: everything that waits for it waits. */
static int postpone(struct worker *worker, const struct answer *answer)
{
	const struct outbox_item *row = &worker->row;
	int64_t wait = answer_backoff_ms(answer, row->attempts + 1);
	int64_t next = clock_wall_ms() + wait;

	if (outbox_retry(worker->store, row, next, answer->maybe_taken, answer->reason) <
			0 ||
		outbox_defer(worker->store, worker->item->name, next) < 0)
		return -1;
	return 0;
}

/* --- one row ------------------------------------------------------------ */

/*
 * Is the row not to be sent at all? 1: yes, *END says why; 0: send it; -1: the store
 * failed. An all-clear goes to those who were told, or may have been; an alert that
 * could not be said in time is not said when something newer of it waits.
 */
static int is_pointless(struct worker *worker, int64_t now_ms, enum outbox_end *end)
{
	const struct outbox_item *row = &worker->row;
	int answer;

	*end = OUTBOX_EXPIRED;
	if (row->expires_ms <= now_ms)
		return 1;
	if (row->resolved) {
		*end = OUTBOX_UNTOLD;
		answer = outbox_was_told(worker->store, row->channel, row->episode);
		return answer < 0 ? -1 : !answer;
	}
	*end = OUTBOX_SUPERSEDED;
	return row->attempts > 0 ? outbox_has_newer(worker->store, row) : 0;
}

/* Deals with worker->row. 0, or -1: the store failed. */
static int deal(struct worker *worker)
{
	static const char *const reasons[] = {
		[OUTBOX_EXPIRED] = "too late",
		[OUTBOX_SUPERSEDED] = "a newer message waits",
		[OUTBOX_UNTOLD] = "was not told of the alert",
	};
	struct message message;
	struct answer answer = { .outcome = OUTCOME_REFUSED };
	enum outbox_end end;
	int pointless = is_pointless(worker, clock_wall_ms(), &end);

	if (pointless < 0)
		return -1;
	if (pointless) {
		log_notice("channel %s: %s revision %d not sent: %s", worker->item->name,
			worker->row.episode, worker->row.revision, reasons[end]);
		finish(worker, end, reasons[end]);
		return 0;
	}
	if (message_from_json(&message, worker->row.body))
		send_message(worker, &message, &answer);
	else
		snprintf(answer.reason, sizeof answer.reason, "unreadable in the outbox");

	/* What a stop cut short says nothing about the channel. */
	bool is_cut = answer.outcome == OUTCOME_RETRY && bell_is_stopping(&worker->bell);
	if (!is_cut)
		log_answer(worker, &answer, note_answer(worker, &answer));
	switch (answer.outcome) {
	case OUTCOME_DONE:
		finish(worker, OUTBOX_DELIVERED, "");
		return 0;
	case OUTCOME_REFUSED:
		finish(worker, OUTBOX_REFUSED, answer.reason);
		return 0;
	default:
		return postpone(worker, &answer);
	}
}

/* --- the thread ---------------------------------------------------------- */

static bool is_draining(struct worker *worker)
{
	pthread_mutex_lock(&worker->mutex);
	bool draining = worker->draining;
	pthread_mutex_unlock(&worker->mutex);
	return draining;
}

static int open_store(struct worker *worker)
{
	char why[256];

	if (worker->store)
		return 0;
	worker->store =
		store_open(worker->notifier->store_path, STORE_CLIENT, why, sizeof why);
	if (!worker->store) {
		log_error("channel %s: %s", worker->item->name, why);
		return -1;
	}
	count_waiting(worker);
	return 0;
}

/* Deals with the next row. How long to wait afterwards in ms, -1: the store failed. */
static int64_t work(struct worker *worker)
{
	int64_t now = clock_wall_ms(), next;
	int found =
		outbox_next(worker->store, worker->item->name, now, &worker->row, &next);

	if (found < 0)
		return -1;
	if (found == 0) {
		int64_t wait = next == INT64_MAX ? LOOK_MS : clock_to_real_ms(next - now);
		return wait < 1 ? 1 : wait < LOOK_MS ? wait : LOOK_MS;
	}
	if (deal(worker) < 0)
		return -1;
	count_waiting(worker);
	return 0;
}

static void *run(void *arg)
{
	struct worker *worker = arg;
	struct notifier *notifier = worker->notifier;

	while (!bell_is_stopping(&worker->bell)) {
		int64_t wait = open_store(worker) < 0 ? TROUBLE_MS : work(worker);

		if (wait < 0) {
			log_error("channel %s: %s", worker->item->name,
				store_error(worker->store));
			store_close(worker->store);
			worker->store = NULL;
			wait = TROUBLE_MS;
		}
		if (wait == 0)
			continue;
		if (is_draining(worker))
			break;
		bell_wait(&worker->bell, wait);
	}
	close_channel(worker);
	store_close(worker->store);
	worker->store = NULL;
	pthread_mutex_lock(&notifier->mutex);
	worker->finished = true;
	pthread_cond_signal(&notifier->finished);
	pthread_mutex_unlock(&notifier->mutex);
	return NULL;
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

static int start_worker(struct worker *worker)
{
	char name[16];

	snprintf(name, sizeof name, "ch-%.12s", worker->item->name);
	if (thread_start(&worker->thread, name, run, worker) < 0) {
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

		worker->notifier = notifier;
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
