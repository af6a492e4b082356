/*
 * Who wants to be told by Web Push: one row per subscription, that is, per browser or
 * app. Made, changed and removed by the web's connection as people ask; the channel
 * marks those whose push service has forgotten them (store/fanout.h).
 */
#ifndef MUABUI_STORE_SUBSCRIPTIONS_H
#define MUABUI_STORE_SUBSCRIPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

enum {
	SUBSCRIPTION_SECRET_BYTES = 18,    /* 144 random bits … */
	SUBSCRIPTION_SECRET_SIZE = 25,     /* … in base64url, with a NUL */
	SUBSCRIPTION_ENDPOINT_SIZE = 1025, /* UnifiedPush allows 1000 bytes */
	SUBSCRIPTION_ORIGIN_SIZE = 128,    /* scheme://host[:port] of the endpoint */
	SUBSCRIPTION_POINT_BYTES = 65,     /* p256dh: 04 ‖ X ‖ Y */
	SUBSCRIPTION_AUTH_BYTES = 16,
	SUBSCRIPTION_AREAS_MAX = 16,
	SUBSCRIPTION_AREAS_SIZE = SUBSCRIPTION_AREAS_MAX * NAME_SIZE + 2,
	SUBSCRIPTION_FAILURES_MAX = 5, /* refusals in a row, then it counts as gone */
	SUBSCRIPTION_GONE_DAYS = 30,   /* for so long the page is told that it is */
};

/* The tables of this file; store_open() makes them. */
extern const char subscriptions_schema[];

struct subscription {
	int64_t number; /* in the order of their making, never given twice */
	char endpoint[SUBSCRIPTION_ENDPOINT_SIZE];
	char origin[SUBSCRIPTION_ORIGIN_SIZE];
	uint8_t p256dh[SUBSCRIPTION_POINT_BYTES];
	uint8_t auth[SUBSCRIPTION_AUTH_BYTES];
	char areas[SUBSCRIPTION_AREAS_SIZE]; /* "\nhn-cau-giay\nhn-ba-dinh\n"; "": all */
	unsigned hazards;                    /* 1 << enum hazard, or-ed; 0: all */
	bool sensitive;                      /* level "sensitive" */
	int language;                        /* index into config_languages */
	int quiet_from, quiet_to;            /* minutes of the local day; -1: never */
	int failures;                        /* refusals of its push service, in a row */
};

enum subscription_found {
	SUBSCRIPTION_ERROR = -1,
	SUBSCRIPTION_NONE = 0,
	SUBSCRIPTION_FOUND = 1,
	SUBSCRIPTION_GONE = 2, /* its push service has forgotten it */
	SUBSCRIPTION_FULL = 3, /* there are as many as may be */
};

/*
 * Keeps SUBSCRIPTION (its number is ignored) and gives it a new SECRET. Where there is
 * one of the same endpoint, that one is changed: it keeps its number, so that nobody is
 * told twice, and its older secret means nothing any more. On disk when this returns.
 * FOUND; FULL where there are MOST already; or ERROR.
 */
enum subscription_found subscriptions_put(struct store *store,
	const struct subscription *subscription, int64_t most, int64_t now_ms,
	char secret[static SUBSCRIPTION_SECRET_SIZE]);

/* The one whose secret is SECRET. FOUND, GONE, NONE or ERROR. */
enum subscription_found subscriptions_find(
	struct store *store, const char *secret, struct subscription *subscription);

/* Takes over what SUBSCRIPTION, found before, wants; its endpoint and keys stay. 0 or -1.
 */
int subscriptions_change(
	struct store *store, const struct subscription *subscription, int64_t now_ms);

/* FOUND: it was, and is removed; NONE; or ERROR. */
enum subscription_found subscriptions_remove(struct store *store, const char *secret);

/* How many there are that can be told; -1 on error. */
int64_t subscriptions_count(struct store *store);

/*
 * Calls EACH with those numbered after AFTER, in this order, at most LIMIT; it must not
 * use STORE. Returns how many, or -1.
 */
int subscriptions_after(struct store *store, int64_t after, int limit,
	void (*each)(void *arg, const struct subscription *subscription), void *arg);

#endif
