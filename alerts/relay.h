/*
 * The other end of the mqtt channel: takes alerts from gateways it knows and puts them
 * into this gateway's outbox with the same ids and revisions, for its own channels.
 *
 * Paho's threads check what comes (alerts/relay_check.h); the recorder's thread decides
 * and writes it, in its transaction. A message is acknowledged when it is committed, or
 * when it is certain that it is not to be taken; where neither can be said in time the
 * connection is broken instead, and the broker sends it again. One message of each relay
 * is under way at a time: that bounds what waits.
 */
#ifndef MUABUI_ALERTS_RELAY_H
#define MUABUI_ALERTS_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "alerts/relay_check.h"
#include "config/config.h"
#include "store/directory.h"
#include "store/store.h"

struct relay;

struct relay_env {
	const struct directory *directory; /* may be NULL */
	/* Something waits for relay_take(). */
	void (*wake)(void *arg);
	/* The time of the newest usable reading of METRIC at STATION, 0: there is none.
	 */
	int64_t (*newest)(void *arg, const char *station, uint16_t metric);
	void *arg;
};

/* CONFIG must outlive the result. NULL with a logged reason. Nothing is connected yet. */
struct relay *relay_new(const struct config *config, const struct relay_env *env);

/*
 * Ends the connections: no message is under way afterwards. Before the recorder ends, so
 * that what waits for it is decided; freed when that has ended. Both accept NULL.
 */
void relay_stop(struct relay *relay);
void relay_free(struct relay *relay);

/*
 * The recorder's thread: connects, once the clock is believed (before that nothing could
 * be decided, and Paho's one thread would stand for everybody), and writes what waits
 * into the open transaction (store_join()). How many rows, 0: nothing, or -1: the store
 * failed.
 */
int relay_take(struct relay *relay, struct store *store, int64_t now_ms);

/* The transaction is committed, or was rolled back: then what waits is taken again. */
void relay_ended(struct relay *relay, bool committed);

struct relay_status {
	const char *name;
	bool connected;
	uint64_t verdicts[RELAY_VERDICTS]; /* since start */
};

size_t relay_count(const struct relay *relay); /* 0 for NULL */
void relay_get_status(struct relay *relay, size_t index, struct relay_status *status);

#endif
