/*
 * From reports to the outbox: holds the state of every rule at every station,
 * asks the pure rules (alerts/rule.h), and writes state and outbox rows into
 * the recorder's open transaction. Used by the recorder's thread only.
 */
#ifndef MUABUI_ALERTS_ALERTS_H
#define MUABUI_ALERTS_ALERTS_H

#include <stdint.h>

#include "config/config.h"
#include "core/clock.h"
#include "core/reading.h"
#include "store/calibrating.h"
#include "store/desk.h"
#include "store/directory.h"
#include "store/store.h"

extern const struct option_group alerts_rule_group; /* for the schema */

/* The rules of a configuration, with what each has seen at each place. */
struct alerts;

/* What alerts are made with; all of it must live as long as they. */
struct alerts_settings {
	const struct config *config;
	struct store *store;
	const struct directory *directory; /* names the stations; may be NULL */
	const struct desk *desk;           /* what operators have decided; may be NULL */
	const struct calibrating *calibrating; /* who is not missed; may be NULL */
};

/* Loads the rules' states from the store. NULL with a logged reason. */
struct alerts *alerts_open(const struct alerts_settings *settings);
void alerts_close(struct alerts *alerts);

/*
 * For the back-test: episodes' ids are made of SALT instead of chance, so that the same
 * readings give the same ids. In a gateway they must be unlike those of other boxes.
 */
void alerts_set_salt(struct alerts *alerts, uint64_t salt);

/*
 * Shows REPORT, after quality control and derivation, to the rules, at NOW_MS. Returns
 * how many messages it put into the outbox (then the transaction, which was begun if
 * none was open, should be committed at once), -1 when the store failed (then it must be
 * rolled back, and alerts_reload_states() called).
 */
int alerts_report(struct alerts *alerts, const struct report *report, int64_t now_ms);

/*
 * Lets time pass: `for`, `absent_for`, `repeat`. Same result. Call about every second. Of
 * a station whose sensor is being calibrated silence counts from the end of that.
 * NOW_MS may be the data's own clock (back-test); where it is the gateway's, steps of
 * that clock are noticed and do not count as silence. States that changed without a
 * message are saved here, in a transaction of their own where none is open.
 */
int alerts_tick(struct alerts *alerts, int64_t now_ms);

/*
 * For the back-test, whose readings have ended: tells what waits to be told together, at
 * the time at which it would have been, unless quiet hours or a silence hold it back
 * then. How many messages, or -1.
 */
int alerts_finish(struct alerts *alerts, int64_t now_ms);

/*
 * The clock was set by STEP: `for`, `repeat` and `absent_for` go on as if it had always
 * been right. The states are saved, in the recorder's transaction. 0, or -1 when the
 * store failed.
 */
int alerts_shift(struct alerts *alerts, const struct clock_step *step);

/*
 * Saves what alerts_report() has changed without a message, in the reading's transaction:
 * to be called before the commit. 0, or -1 when the store failed.
 */
int alerts_save(struct alerts *alerts);

/* After a rollback: takes the states from the store again. 0 or -1. */
int alerts_reload_states(struct alerts *alerts);

#endif
