#include "alerts/push_fanout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/push_sender.h"
#include "core/clock.h"
#include "core/log.h"
#include "store/episodes.h"

enum {
	RUN_MS = 15 * 1000,  /* of one call: then newer messages may have their turn */
	ASK_MS = 1000,       /* and whether the episode has gone on */
	STEP_MS = 20,        /* waited for something to happen */
	ABORT_MS = 1000,     /* for answers under way, once told to stop */
	SHORT_MS = 2 * 1000, /* a wait that is not worth ending the run for */
};

/* --- the sender ------------------------------------------------------ */

void push_sender_free(struct push_sender *sender)
{
	if (!sender)
		return;
	push_workers_free(sender->workers);
	for (int i = 0; sender->jobs && i < sender->options->in_flight; i++)
		push_request_free(&sender->jobs[i].request);
	push_wire_free(sender->wire);
	push_origins_free(sender->origins);
	vapid_free(sender->vapid);
	store_close(sender->store);
	for (int i = 0; i < PUSH_LANGUAGES; i++)
		buffer_free(&sender->run.texts[i]);
	free(sender->run.results);
	free(sender->store_path);
	free(sender->jobs);
	free(sender);
}

static bool make_parts(struct push_sender *sender, char *why, size_t size)
{
	const struct webpush_options *options = sender->options;
	size_t count = (size_t)options->in_flight;

	sender->jobs = calloc(count, sizeof *sender->jobs);
	sender->run.results = calloc(2 * count, sizeof *sender->run.results);
	sender->origins = push_origins_new();
	sender->wire = push_wire_new(
		&(struct push_wire_settings){
			.timeout_ms = options->timeout,
			.ca_file = options->ca_file,
			.connections = options->connections,
		},
		why, size);
	if (!sender->wire)
		return false;
	snprintf(why, size, "out of memory");
	if (!sender->jobs || !sender->run.results || !sender->origins)
		return false;
	for (size_t i = 0; i < count; i++) {
		sender->jobs[i].next = sender->free_jobs;
		sender->free_jobs = &sender->jobs[i];
	}
	sender->workers =
		push_workers_new(options->workers, push_wire_wake, sender->wire);
	return sender->workers != NULL;
}

struct push_sender *push_sender_new(const struct webpush_options *options,
	const char *channel, const char *store_path, char *why, size_t size)
{
	struct push_sender *sender = calloc(1, sizeof *sender);

	if (!sender)
		goto no_memory;
	sender->options = options;
	sender->channel = channel;
	atomic_init(&sender->aborted, false);
	for (int i = 0; i < PUSH_LANGUAGES; i++)
		buffer_init(&sender->run.texts[i], PUSH_PAYLOAD_MAX);
	sender->vapid = vapid_load(options->key_file, options->subject, why, size);
	if (!sender->vapid)
		goto failed;
	sender->store_path = strdup(store_path);
	if (!sender->store_path)
		goto no_memory;
	if (!make_parts(sender, why, size))
		goto failed;
	return sender;
no_memory:
	snprintf(why, size, "out of memory");
failed:
	push_sender_free(sender);
	return NULL;
}

void push_sender_abort(struct push_sender *sender)
{
	atomic_store(&sender->aborted, true);
	push_wire_wake(sender->wire);
}

/* --- beginning ------------------------------------------------------- */

static void log_counts(const char *channel, const char *episode, int revision,
	const struct fanout_counts *counts)
{
	log_notice(
		"channel %s: %s revision %d: %lld told, %lld gone, %lld refused, %lld not "
		"reached in time, %lld not come to",
		channel, episode, revision, (long long)counts->sent,
		(long long)counts->gone, (long long)counts->refused,
		(long long)counts->given_up, (long long)counts->unseen);
}

static void log_late(
	void *arg, const char *episode, int revision, const struct fanout_counts *counts)
{
	log_counts(arg, episode, revision, counts);
}

struct translation {
	struct push_run *run;
	const char *page;
	int revision;
};

/* The message as it was announced, in every language. */
static void take_texts(void *arg, const struct episode_message *announced)
{
	const struct translation *translation = arg;
	struct push_run *run = translation->run;
	struct message message;

	if (announced->revision != translation->revision)
		return;
	for (int i = 0; i < PUSH_LANGUAGES; i++) {
		if (!announced->bodies[i] ||
			!message_from_json(&message, announced->bodies[i]))
			continue;
		/* One that is said late was given more time. */
		message.expires_ms = run->message->expires_ms;
		buffer_clear(&run->texts[i]);
		push_payload(&message, translation->page, &run->texts[i]);
	}
}

static bool write_texts(struct push_sender *sender)
{
	struct push_run *run = &sender->run;
	struct translation translation = { .run = run,
		.page = sender->options->page,
		.revision = run->message->revision };

	/* What stands in no history is said in the channel's language. */
	for (int i = 0; i < PUSH_LANGUAGES; i++) {
		buffer_clear(&run->texts[i]);
		push_payload(run->message, translation.page, &run->texts[i]);
	}
	if (history_chain(sender->store, run->message->id, run->message->revision,
		    take_texts, &translation) < 0)
		return false;
	return true;
}

static void write_headers(struct push_run *run)
{
	char topic[PUSH_TOPIC_SIZE];

	push_topic(run->message, topic);
	snprintf(run->headers[0], sizeof run->headers[0], "TTL: %lld",
		(long long)push_ttl_s(run->message, clock_wall_ms()));
	snprintf(run->headers[1], sizeof run->headers[1], "Urgency: %s",
		push_urgency(run->message));
	snprintf(run->headers[2], sizeof run->headers[2], "Topic: %s", topic);
	run->fixed[0] = run->headers[0];
	run->fixed[1] = run->headers[1];
	run->fixed[2] = run->headers[2];
	run->fixed[3] = "Content-Encoding: aes128gcm";
	run->fixed[4] = "Content-Type: application/octet-stream";
	run->fixed[5] = NULL;
}

/* Opens the store, and finds out where the message stands. False: the store failed. */
static bool begin(
	struct push_sender *sender, const struct message *message, char *why, size_t size)
{
	struct push_run *run = &sender->run;
	int64_t now_ms = clock_wall_ms(), superseded = 0;

	if (!sender->store)
		sender->store = store_open(sender->store_path, STORE_CLIENT, why, size);
	if (!sender->store)
		return false;
	run->message = message;
	run->bits.chunk = -1;
	run->ahead_count = run->ahead_at = 0;
	run->walked = run->cancelling = run->failed = false;
	run->result_count = 0;
	run->end_ms = clock_real_ms() + RUN_MS;
	run->saved_ms = run->looked_ms = run->asked_ms = 0;
	sender->round++;
	write_headers(run);
	if (fanout_sweep(sender->store, sender->channel, now_ms, log_late,
		    (void *)sender->channel) < 0 ||
		fanout_begin(sender->store, sender->channel, message->id,
			message->revision, message->expires_ms, now_ms, &run->fanout,
			&superseded) < 0 ||
		!write_texts(sender)) {
		snprintf(why, size, "%s", store_error(sender->store));
		return false;
	}
	run->taken_to = run->fanout.done_to;
	if (superseded > 0)
		log_notice("channel %s: %s: %lld were still owed the message before "
			   "revision %d",
			sender->channel, message->id, (long long)superseded,
			message->revision);
	return true;
}

/* --- one call -------------------------------------------------------- */

/* Has the episode gone on meanwhile? Then whoever is not told yet is told that instead.
 */
static bool is_outdated(struct push_sender *sender)
{
	struct push_run *run = &sender->run;
	int64_t now_ms = clock_real_ms();

	if (now_ms - run->asked_ms < ASK_MS)
		return false;
	run->asked_ms = now_ms;
	int outdated = fanout_is_outdated(
		sender->store, sender->channel, run->message->id, run->message->revision);
	run->failed |= outdated < 0;
	return outdated != 0;
}

static bool is_over(struct push_sender *sender)
{
	const struct push_run *run = &sender->run;

	return run->failed || atomic_load(&sender->aborted) ||
		clock_real_ms() >= run->end_ms ||
		clock_wall_ms() >= run->message->expires_ms || is_outdated(sender);
}

/* Nothing is under way: is anything due soon enough to stay for it? */
static bool is_worth_waiting(struct push_sender *sender)
{
	struct push_run *run = &sender->run;
	int64_t next_ms, now_ms = clock_wall_ms();

	push_save(sender);
	if (fanout_next_due(sender->store, &run->fanout, &next_ms) < 0)
		run->failed = true;
	if (run->failed || next_ms == INT64_MAX)
		return false;
	/* Due, and was not found just now: perhaps its subscription has been removed. */
	if (next_ms <= now_ms)
		return fanout_owed(sender->store, &run->fanout) > 0;
	return clock_to_real_ms(next_ms - now_ms) < SHORT_MS;
}

static void work(struct push_sender *sender)
{
	struct push_run *run = &sender->run;

	while (!is_over(sender)) {
		push_take_due(sender);
		push_walk(sender);
		if (run->in_flight == 0 && run->walked && !run->failed &&
			!is_worth_waiting(sender))
			break;
		push_jobs_move(sender, STEP_MS);
		push_save_some(sender);
	}
	int64_t limit_ms = clock_real_ms() +
		(atomic_load(&sender->aborted) ? ABORT_MS
					       : sender->options->timeout + ABORT_MS);
	while (run->in_flight > 0 && clock_real_ms() < limit_ms && !run->failed) {
		push_jobs_move(sender, STEP_MS);
		push_save_some(sender);
		if (atomic_load(&sender->aborted) &&
			limit_ms > clock_real_ms() + ABORT_MS)
			limit_ms = clock_real_ms() + ABORT_MS;
	}
	push_jobs_cancel(sender);
	if (!run->failed)
		push_save(sender);
}

/* Only those are left whose service refuses us? WHY says which. */
static const struct push_origin *find_held(struct push_sender *sender)
{
	const struct push_origin *held = NULL;
	struct push_origin *origin = NULL;

	while ((origin = push_origins_next(sender->origins, origin))) {
		if (origin->backoffs > 0 && !origin->is_held)
			return NULL;
		if (origin->is_held)
			held = origin;
	}
	return held;
}

static void end(struct push_sender *sender, struct answer *answer)
{
	struct push_run *run = &sender->run;

	if (fanout_end(sender->store, &run->fanout, run->message->resolved,
		    clock_wall_ms()) < 0) {
		snprintf(answer->reason, sizeof answer->reason, "%s",
			store_error(sender->store));
		return;
	}
	const struct fanout_counts *counts = &run->fanout.counts;
	log_counts(sender->channel, run->message->id, run->message->revision, counts);
	answer->outcome = OUTCOME_DONE;
	if (counts->sent > 0 || counts->given_up + counts->unseen + counts->refused == 0)
		return;
	answer->outcome = OUTCOME_REFUSED;
	snprintf(answer->reason, sizeof answer->reason,
		"nobody was reached: %lld refused, %lld not reached in time",
		(long long)counts->refused,
		(long long)(counts->given_up + counts->unseen));
}

/* What is left when a call ends, and when it is to go on. */
static void conclude(struct push_sender *sender, struct answer *answer)
{
	struct push_run *run = &sender->run;
	int64_t next_ms = INT64_MAX, now_ms = clock_wall_ms();
	int64_t owed = fanout_owed(sender->store, &run->fanout);
	const struct push_origin *held;

	answer->maybe_taken = run->fanout.counts.sent > 0;
	if (run->failed || owed < 0 ||
		fanout_next_due(sender->store, &run->fanout, &next_ms) < 0) {
		snprintf(answer->reason, sizeof answer->reason, "%s",
			*store_error(sender->store) ? store_error(sender->store)
						    : "out of memory");
		return;
	}
	bool is_late = now_ms >= run->message->expires_ms ||
		(run->walked && next_ms >= run->message->expires_ms);
	if (is_late || (run->walked && owed == 0)) {
		end(sender, answer);
		return;
	}
	held = run->walked ? find_held(sender) : NULL;
	if (held) {
		answer->outcome = OUTCOME_HELD;
		snprintf(answer->reason, sizeof answer->reason, "%s", held->reason);
		return;
	}
	answer->unfinished = true;
	answer->retry_after_ms = run->walked && next_ms > now_ms ? next_ms - now_ms : 0;
	snprintf(answer->reason, sizeof answer->reason, "%lld are still to be told",
		(long long)owed);
}

void push_fanout(
	struct push_sender *sender, const struct message *message, struct answer *answer)
{
	*answer = (struct answer){ .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };
	if (!begin(sender, message, answer->reason, sizeof answer->reason)) {
		store_close(sender->store);
		sender->store = NULL;
		return;
	}
	if (sender->run.fanout.ended_ms > 0) {
		/* It was, but the outbox was not told before the end of the process. */
		answer->outcome = OUTCOME_DONE;
		return;
	}
	work(sender);
	conclude(sender, answer);
	if (sender->run.failed) {
		store_close(sender->store);
		sender->store = NULL;
	}
}
