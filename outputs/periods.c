#include <stdio.h>

#include "core/clock.h"
#include "outputs/worker.h"
#include "store/cursors.h"
#include "store/reports.h"

/*
 * Outputs with periods keep two places in the store: the report up to which nothing is
 * needed again, which is the cursor as any output's, and under NAME/period the end of the
 * last period sent. The second moves first: a crash between the two costs reading a few
 * reports again, which are then too late for a period that was sent.
 */

enum {
	PORTION = 1000,
	LOOK_MS = 5 * 1000,   /* a period may be ready by the clock alone */
	AHEAD_MS = 60 * 1000, /* what a stamp may be before our clock */
};

struct place {
	char name[NAME_SIZE + 8];
};

static struct place period_place(const struct output *output)
{
	struct place place;

	/* No output is called so: names hold no '/'. */
	snprintf(place.name, sizeof place.name, "%s/period", output->item->name);
	return place;
}

static bool store_fails(struct output *output, const char *what)
{
	output_note_own_trouble(output, what, store_error(output->store));
	output_close_store(output);
	return false;
}

/* A fresh self, or a store opened anew, starts from the places in the store. */
static bool begin(struct output *output)
{
	const struct output_periods *periods = output->driver->periods;
	struct place place = period_place(output);
	int64_t sent_ms = 0;

	if (output->running_ms == 0 && clock_is_set())
		output->running_ms = clock_wall_ms();
	if (output->begun == output->self)
		return true;
	int64_t running_ms = output->running_ms > 0 ? output->running_ms : INT64_MAX;
	if (store_cursor_get(output->store, place.name, &sent_ms) < 0)
		return store_fails(output, "cannot read its place");
	if (periods->begin(output->self, output->store, sent_ms, running_ms) < 0)
		return store_fails(output, "cannot read the store");
	output->scanned = output->place.done;
	output->begun = output->self;
	return true;
}

static bool take(void *arg, const struct stored_report *stored)
{
	struct output *output = arg;

	int64_t latest_ms = clock_is_set() ? clock_wall_ms() + AHEAD_MS : INT64_MAX;

	if (!output->driver->periods->take(output->self, stored, latest_ms))
		return false;
	output->scanned = stored->id;
	return true;
}

/* Fills the batch with a period. False: none is ready, or with the trouble noted. */
static bool make(struct output *output, bool *failed)
{
	const struct output_periods *periods = output->driver->periods;
	bool all_taken = false;

	*failed = false;
	while (!periods->make(output->self, all_taken,
		clock_is_set() ? clock_wall_ms() : 0, &output->batch)) {
		if (all_taken || bell_is_stopping(&output->bell))
			return false;
		int64_t newest = output_look_for_newest(output);
		int64_t before = output->scanned;
		int got = store_scan(output->store, before, PORTION, take, output);
		if (got < 0) {
			store_fails(output, "cannot read the store");
			*failed = true;
			return false;
		}
		/* Rows that cannot be unpacked are nothing to wait for. */
		if (got == 0 && newest > output->scanned)
			output->scanned =
				newest - before > PORTION ? before + PORTION : newest;
		all_taken = output->scanned >= newest;
	}
	return true;
}

static void move(struct output *output)
{
	struct place place = period_place(output);
	int64_t done = output->scanned;
	int64_t end_ms = output->driver->periods->sent(output->self, &done);

	if (store_cursor_set(output->store, place.name, end_ms) < 0)
		output_note_own_trouble(
			output, "cannot store its place", store_error(output->store));
	output_advance(output, done);
	output_save_cursor(output);
	output_note_sent(output, 1);
}

/* The batch, until the far side has taken it. False: told to stop before. */
static bool deliver(struct output *output)
{
	for (;;) {
		struct answer answer = { .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };

		output->driver->send(output->self, &output->batch, &answer);
		if (answer.outcome == OUTCOME_DONE) {
			move(output);
			return true;
		}
		if (output_is_aborting(output))
			return false;
		output_note_trouble(output, &answer);
		if (!output_back_off(output, &answer))
			return false;
		if (answer.outcome != OUTCOME_HELD)
			continue;
		/* A person may have put another password into its file: the driver is
		 * opened anew, and makes the period again. */
		output_set_self(output, NULL);
		output->begun = NULL;
		return true;
	}
}

static bool step(struct output *output)
{
	bool failed;

	if (output_is_aborting(output))
		return false;
	buffer_clear(&output->batch);
	if (!output->store)
		output->begun = NULL;
	if (!output_make_ready(output) || !begin(output))
		return output_back_off_from_own_trouble(output);
	if (make(output, &failed))
		return deliver(output);
	if (failed)
		return output_back_off_from_own_trouble(output);
	output_note_well(output);
	return bell_wait(&output->bell, LOOK_MS);
}

void output_run_periods(struct output *output)
{
	while (step(output))
		;
}
