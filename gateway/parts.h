/*
 * The parts of a running gateway and their order. A reload ends all parts and starts
 * them with the new configuration; what the parts share (the newest values, the
 * recorder's counters) goes on, and so does every reading, which is in the ring.
 */
#ifndef MUABUI_GATEWAY_PARTS_H
#define MUABUI_GATEWAY_PARTS_H

#include <stdbool.h>

#include "config/config.h"
#include "web/view.h"

struct parts;

/* NULL when memory is out. */
struct parts *parts_new(void);
void parts_free(struct parts *parts);

/*
 * Starts everything CONFIG asks for. Where the disk of the store takes nothing, the store
 * is in its place of refuge (store/refuge.h). False with a logged reason: nothing runs.
 */
bool parts_start(struct parts *parts, const struct config *config);

/*
 * Ends everything in the reverse order: no new readings, what is there stored and, within
 * a short grace, sent. False when the store would not take all: it waits in the ring.
 */
bool parts_stop(struct parts *parts);

/* Is the store in its place of refuge? */
bool parts_are_away(const struct parts *parts);

/*
 * To the place of refuge, if the disk is in trouble; and home, if it is not any more. All
 * parts end and start again. False: nothing runs.
 */
bool parts_move_out(struct parts *parts);
bool parts_move_home(struct parts *parts);

/* Is there something that only a new start can bring: outputs that have waited? */
bool parts_want_restart(const struct parts *parts);

/* Messages that channels have taken, of all notifiers that have ended. */
uint64_t parts_delivered(const struct parts *parts);

/* What is shown of it; valid while it runs. */
const struct gateway_view *parts_view(const struct parts *parts);

/* Has the recorder moved within the last LIMIT_MS of real time? */
bool parts_are_alive(const struct parts *parts, int64_t limit_ms);

#endif
