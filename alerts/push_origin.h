/*
 * The push services that messages go to, each with its token and its troubles: one that
 * fails is left alone for a while, and the others are not held up by it.
 */
#ifndef MUABUI_ALERTS_PUSH_ORIGIN_H
#define MUABUI_ALERTS_PUSH_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "alerts/vapid.h"
#include "core/buffer.h"
#include "store/subscriptions.h"

struct curl_slist;

struct push_origin {
	char name[SUBSCRIPTION_ORIGIN_SIZE];
	unsigned in_flight;
	unsigned strikes;    /* answers of trouble since the last good one */
	unsigned backoffs;   /* in a row */
	int64_t until_ms;    /* left alone till then; real time, 0: it is not */
	int64_t answered_ms; /* the last answer, or the first try */
	bool answers;        /* it has, since it last failed */
	bool accepts;        /* it has taken something with this key */
	bool is_held;        /* it refuses us, or our key: a person must act */
	bool is_postponed;   /* what is owed to it is to be put off */
	char reason[256];    /* of its trouble */
	uint64_t round;      /* of its headers */
	struct curl_slist *headers;
	struct buffer token; /* the Authorization header */
	int64_t token_s;     /* when it was signed; 0: never */
};

struct push_origins;

/* NULL when memory is out. The free accepts NULL. */
struct push_origins *push_origins_new(void);
void push_origins_free(struct push_origins *origins);

/*
 * The origin called NAME, made where there is none. NULL: out of memory, or there are too
 * many with something under way.
 */
struct push_origin *push_origins_get(struct push_origins *origins, const char *name);

/* All of them in turn: NULL gives the first, and follows the last. */
struct push_origin *push_origins_next(
	struct push_origins *origins, struct push_origin *origin);

/*
 * The headers of every request of ROUND to ORIGIN: its token, and those of FIXED
 * (NULL-ended). Nothing of an earlier round may be under way. NULL: cannot be made.
 */
const struct curl_slist *push_origin_headers(struct push_origin *origin, uint64_t round,
	const struct vapid *vapid, const char *const *fixed, int64_t now_s);

enum push_admission {
	PUSH_GO,
	PUSH_WAIT,  /* as much is under way as may be, and it moves: soon */
	PUSH_DEFER, /* it fails, or does not move: not before push_origin_wait_ms() */
};

/*
 * May one more of the WINDOW that may be under way at all go to ORIGIN, one of ORIGINS,
 * at NOW_MS? Those that have not answered yet share half the window: hosts that anybody
 * may have made up must not hold up the others.
 */
enum push_admission push_origin_admit(const struct push_origins *origins,
	const struct push_origin *origin, unsigned window, int64_t now_ms);

/* For how many ms after NOW_MS it is best left alone. */
int64_t push_origin_wait_ms(const struct push_origin *origin, int64_t now_ms);

/* What became of a request. */
void push_origin_accepted(struct push_origin *origin, int64_t now_ms);
void push_origin_answered(struct push_origin *origin, int64_t now_ms);
/* 429 and 5xx: bad only where it goes on. */
void push_origin_troubled(
	struct push_origin *origin, int64_t retry_after_ms, int64_t now_ms);
/* No answer. HELD: it said that it takes nothing from us. */
void push_origin_failed(
	struct push_origin *origin, bool held, const char *reason, int64_t now_ms);

#endif
