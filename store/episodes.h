/*
 * What was announced: every message of every episode, in both languages, kept like the
 * delivery log. CAP, the API and the relay read it; the recorder writes it in the
 * transaction of what caused the message.
 */
#ifndef MUABUI_STORE_EPISODES_H
#define MUABUI_STORE_EPISODES_H

#include <stdbool.h>
#include <stdint.h>

#include "store/outbox.h"

enum { EPISODE_LANGUAGES = 2 }; /* in the order of config_languages */

extern const char episodes_schema[]; /* for store_open() */

/* Texts belong to the caller; handed out, they are only valid during the call. */
struct episode_message {
	int64_t id; /* grows in the order of announcement; given by history_add() */
	const char *episode;
	int revision;
	bool resolved;      /* it is the all-clear */
	bool is_public;     /* for citizens */
	int64_t created_ms; /* when it was announced, wall clock */
	int64_t expires_ms;
	const char *rule;
	const char *station;
	const char *hazard;
	double latitude; /* of the station, °; NAN: not known */
	double longitude;
	const char *origin; /* the box it was relayed from; "": this gateway's own */
	const char *bodies[EPISODE_LANGUAGES]; /* the message as JSON */
};

/*
 * Adds MESSAGE to the recorder's transaction (store_join()), and removes some of what
 * was announced, and has expired, before KEEP_MS (0: nothing): what could still be
 * replayed is known. One that is there already, by episode and
 * revision, stays as it is. 0 or -1.
 */
int history_add(
	struct store *store, const struct episode_message *message, int64_t keep_ms);

/* Zeroed: everything that is public. */
struct history_choice {
	int64_t from_ms, to_ms; /* announced in [from, to); to 0: without an end */
	int64_t active_at_ms;   /* also before from, if not expired then; 0: no */
	bool newest_only;       /* of each episode only the newest revision */
	int limit;              /* 0: none */
};

/* Calls EACH for what is public and chosen, newest first; it must not use STORE. How
 * many, or -1. */
int history_each(struct store *store, const struct history_choice *choice,
	void (*each)(void *arg, const struct episode_message *message), void *arg);

/*
 * Calls EACH for the messages of EPISODE up to REVISION, oldest first, whoever they are
 * for; it must not use STORE. How many, or -1.
 */
int history_chain(struct store *store, const char *episode, int revision,
	void (*each)(void *arg, const struct episode_message *message), void *arg);

/* The newest revision of EPISODE and where it came from. 1, 0: unknown, or -1. */
int history_newest(struct store *store, const char *episode, int *revision,
	bool *resolved, char origin[static NAME_SIZE]);

/* How many messages but all-clears came from ORIGIN since SINCE_MS; -1 on error. */
int64_t history_count(struct store *store, const char *origin, int64_t since_ms);

#endif
