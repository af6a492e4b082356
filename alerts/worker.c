#include "alerts/worker.h"

#include <stdio.h>
#include <string.h>

#include "alerts/texts.h"
#include "core/clock.h"
#include "core/discreet.h"
#include "core/log.h"
#include "store/delivery_log.h"
#include "store/episodes.h"

enum {
	LOOK_MS = 60 * 1000, /* the outbox is looked at that often without a ring */
	TROUBLE_MS = 1000,   /* before the store is tried again */
	FORGET_ROWS = 20,    /* of the log, with each message: more than come in */
	LATE_MS = 12 * 3600 * 1000, /* what has expired longer ago is not said at all */
	LATE_EXPIRES_MS = 3600 * 1000, /* of what is said late */
};

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
	int64_t oldest_ms = 0;
	int64_t waiting = outbox_waiting(worker->store, worker->item->name, &oldest_ms);

	pthread_mutex_lock(&worker->mutex);
	if (waiting >= 0) {
		worker->status.waiting = waiting;
		worker->status.oldest_ms = oldest_ms;
	}
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
 * What has expired before it could be said: is it said late, once? An all-clear, where
 * the alert was said; an alert that stands and of which nothing was said. 1, 0: it is
 * dropped, -1: the store failed.
 */
static int is_said_late(struct worker *worker, int64_t now_ms)
{
	const struct outbox_item *row = &worker->row;
	char origin[NAME_SIZE];
	bool resolved = false;
	int revision;

	if (now_ms - row->expires_ms > LATE_MS)
		return 0;
	int told = outbox_was_told(worker->store, row->channel, row->episode);
	if (told < 0 || row->resolved)
		return told;
	int newer = told ? 1 : outbox_has_newer(worker->store, row);
	if (newer != 0)
		return newer < 0 ? -1 : 0;
	int known =
		history_newest(worker->store, row->episode, &revision, &resolved, origin);
	return known < 0 ? -1 : known && !resolved;
}

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
	if (row->expires_ms <= now_ms) {
		answer = is_said_late(worker, now_ms);
		return answer < 0 ? -1 : !answer;
	}
	if (row->resolved) {
		*end = OUTBOX_UNTOLD;
		answer = outbox_was_told(worker->store, row->channel, row->episode);
		return answer < 0 ? -1 : !answer;
	}
	*end = OUTBOX_SUPERSEDED;
	return row->attempts > 0 ? outbox_has_newer(worker->store, row) : 0;
}

/* The message of the row; late, where it has expired. */
static bool read_message(struct worker *worker, struct message *message, int64_t now_ms)
{
	if (!message_from_json(message, worker->row.body))
		return false;
	if (worker->row.expires_ms > now_ms)
		return true;
	texts_mark_late(message);
	message->expires_ms = now_ms + LATE_EXPIRES_MS;
	return true;
}

/* What happened, once the message was handed to the channel. 0, or -1: the store. */
static int conclude(struct worker *worker, struct answer *answer)
{
	/* What a stop cut short says nothing about the channel. */
	bool is_cut = answer->outcome == OUTCOME_RETRY && bell_is_stopping(&worker->bell);
	char reason[sizeof answer->reason];

	/* Some of many receivers are left: no failure, and no reason to hold others up.
	 */
	if (answer->outcome == OUTCOME_RETRY && answer->unfinished)
		return outbox_retry(worker->store, &worker->row,
			clock_wall_ms() + answer->retry_after_ms, answer->maybe_taken,
			answer->reason);
	discreet_copy(reason, sizeof reason, answer->reason);
	memcpy(answer->reason, reason, sizeof reason);
	if (!is_cut)
		log_answer(worker, answer, note_answer(worker, answer));
	switch (answer->outcome) {
	case OUTCOME_DONE:
		finish(worker, OUTBOX_DELIVERED, "");
		return 0;
	case OUTCOME_REFUSED:
		finish(worker, OUTBOX_REFUSED, answer->reason);
		return 0;
	default:
		return postpone(worker, answer);
	}
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
	int64_t now_ms = clock_wall_ms();
	enum outbox_end end;
	int pointless = is_pointless(worker, now_ms, &end);

	if (pointless < 0)
		return -1;
	if (pointless) {
		log_notice("channel %s: %s revision %d not sent: %s", worker->item->name,
			worker->row.episode, worker->row.revision, reasons[end]);
		finish(worker, end, reasons[end]);
		return 0;
	}
	if (read_message(worker, &message, now_ms))
		send_message(worker, &message, &answer);
	else
		snprintf(answer.reason, sizeof answer.reason, "unreadable in the outbox");
	return conclude(worker, &answer);
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
	worker->store = store_open(worker->env.store_path, STORE_CLIENT, why, sizeof why);
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

	if (found < 0 ||
		delivery_log_forget(worker->store,
			now - worker->env.config->alerts.keep_log, FORGET_ROWS) < 0)
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

void *worker_run(void *arg)
{
	struct worker *worker = arg;
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
	worker->on_end(worker);
	return NULL;
}
