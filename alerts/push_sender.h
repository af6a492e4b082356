/* What push_fanout.c, push_walk.c and push_requests.c share: the sender and one run. */
#ifndef MUABUI_ALERTS_PUSH_SENDER_H
#define MUABUI_ALERTS_PUSH_SENDER_H

#include <stdatomic.h>

#include "alerts/push_message.h"
#include "alerts/push_origin.h"
#include "alerts/push_wire.h"
#include "alerts/push_workers.h"
#include "alerts/webpush.h"
#include "config/config.h"
#include "store/fanout.h"

enum {
	PUSH_LANGUAGES = 2, /* of config_languages */
	PUSH_AHEAD = 64,    /* subscriptions read at a time */
};

/* One subscription's message on its way. */
struct push_job {
	struct push_sealing sealing; /* first: what the workers hand back */
	struct push_request request;
	struct push_origin *origin;
	int64_t subscription;
	unsigned attempts; /* failed ones so far */
	bool was_owed, was_failed;
	bool is_busy;
	bool is_sent; /* handed to the wire */
	char endpoint[SUBSCRIPTION_ENDPOINT_SIZE];
	struct push_job *next; /* free ones */
};

/* One call of push_fanout(). */
struct push_run {
	const struct message *message;
	struct buffer texts[PUSH_LANGUAGES];
	char headers[3][64]; /* TTL, Urgency, Topic */
	const char *fixed[6];
	struct fanout fanout;
	struct fanout_bits bits;
	struct fanout_result *results; /* not kept yet; room for twice `in_flight` */
	size_t result_count;
	struct subscription ahead[PUSH_AHEAD];
	size_t ahead_count, ahead_at;
	int64_t taken_to; /* all up to this number were looked at */
	bool walked;      /* there is none beyond */
	bool cancelling;  /* nothing is sent any more */
	bool failed;      /* the store or memory */
	unsigned in_flight;
	int64_t end_ms, saved_ms, looked_ms, asked_ms; /* real time */
};

struct push_sender {
	const struct webpush_options *options;
	const char *channel;
	char *store_path;
	struct store *store;
	struct vapid *vapid;
	struct push_wire *wire;
	struct push_workers *workers;
	struct push_origins *origins;
	struct push_job *jobs, *free_jobs;
	struct push_sealing *batch; /* to be handed to the workers */
	uint64_t round;
	atomic_bool aborted;
	struct push_run run;
};

/* --- push_walk.c: whose turn it is ----------------------------------- */

/* Keeps what is done in the store; the second where that is much, or waits for long. */
void push_save(struct push_sender *sender);
void push_save_some(struct push_sender *sender);

/* Begins with those it has not come to yet, and with those that are owed and due. */
void push_walk(struct push_sender *sender);
void push_take_due(struct push_sender *sender);

/* --- push_requests.c: one subscription ------------------------------- */

/* Begins with SUBSCRIPTION. False: there is no free job, or no headers. */
bool push_job_start(struct push_sender *sender, const struct subscription *subscription,
	struct push_origin *origin, unsigned attempts, bool was_owed);

/*
 * Hands over to workers and wire what is ready, and takes back what is finished: one
 * result for each.
 */
void push_jobs_move(struct push_sender *sender, int wait_ms);

/* Gives up what is under way: owed, and due at once. Waits for the workers. */
void push_jobs_cancel(struct push_sender *sender);

/* Notes that SUBSCRIPTION is to be tried in WAIT_MS; there must be room. */
void push_note_owed(struct push_sender *sender, int64_t subscription,
	const struct push_origin *origin, unsigned attempts, int64_t wait_ms);

#endif
