/*
 * The recorder: the one thread that takes reports from the ring, has them judged,
 * shows them to the rules, and puts them into the store. Reports, alert state and
 * outbox rows of one batch are one transaction.
 */
#ifndef MUABUI_GATEWAY_RECORDER_H
#define MUABUI_GATEWAY_RECORDER_H

#include <stdint.h>

#include "config/config.h"
#include "gateway/source.h"
#include "store/desk.h"
#include "store/directory.h"
#include "store/latest.h"
#include "store/ring.h"
#include "store/store.h"
#include "web/view.h"

struct recorder;

struct recorder_settings {
	const struct config *config;
	struct store
		*store; /* of role STORE_RECORDER; the recorder's alone from now on */
	struct ring *ring;
	struct latest *latest;
	struct directory *directory;
	const struct desk *desk;         /* may be NULL, as in alerts/alerts.h */
	struct calibrating *calibrating; /* the same; follows steps of the clock */
	struct recorder_stats *stats;
	/* As in gateway/pipeline.h. */
	void (*treat)(void *arg, const char *station, const char *sensor,
		struct treatment *treatment);
	void *treat_arg;
	/*
	 * What others have to say (relayed alerts, outages of channels) joins the
	 * transaction: how many rows, 0: nothing, -1: the store failed. Called often.
	 * Then whether it was committed. Both may be NULL.
	 */
	int (*add_messages)(void *arg, struct store *store, int64_t now_ms);
	void (*messages_ended)(void *arg, bool committed);
	/* Called after a commit with new reports, and with new outbox rows. */
	void (*on_reports)(void *arg);
	void (*on_messages)(void *arg);
	void *arg;
};

/* Starts the thread. NULL with a logged reason. */
struct recorder *recorder_start(const struct recorder_settings *settings);

/*
 * Stores what is in the ring, merges the minutes, and ends the thread. 0, or -1 when the
 * store would not take it (it then waits in the ring). Frees the recorder.
 */
int recorder_stop(struct recorder *recorder);

/* When the thread last went round its loop, clock_real_ms(): for the watchdog. */
int64_t recorder_alive_ms(const struct recorder *recorder);

#endif
