/*
 * How many connections each address has at a time, in a table of fixed size. Thread-safe.
 * The library could count, too, but behind a proxy on this machine everybody is the
 * proxy, and would share one count.
 */
#ifndef MUABUI_WEB_CROWD_H
#define MUABUI_WEB_CROWD_H

#include <stdbool.h>

#include "web/rate.h"

struct crowd;

/* EACH: the most one address may have. NULL: memory is out. The free accepts NULL. */
struct crowd *crowd_new(int each);
void crowd_free(struct crowd *crowd);

/* Has KEY fewer than it may have? */
bool crowd_has_room(struct crowd *crowd, const struct rate_key *key);

/* One more of KEY, one less. */
void crowd_enter(struct crowd *crowd, const struct rate_key *key);
void crowd_leave(struct crowd *crowd, const struct rate_key *key);

#endif
