#include "outputs/worker.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "store/dead_letters.h"
#include "store/reports.h"

enum { OUTAGE_MS = 60 * 1000 }; /* shorter ones end without jitter */

/* --- status -------------------------------------------------------------- */

static void record(struct output *output, const struct answer *answer)
{
	pthread_mutex_lock(&output->mutex);
	output->status.failures++;
	output->status.held = answer->outcome == OUTCOME_HELD;
	output->status.last_error_ms = clock_wall_ms();
	memcpy(output->status.last_error, answer->reason, sizeof answer->reason);
	pthread_mutex_unlock(&output->mutex);
}

void output_note_trouble(struct output *output, const struct answer *answer)
{
	bool held = answer->outcome == OUTCOME_HELD;
	enum mood mood = held ? MOOD_HELD : MOOD_TROUBLED;

	output->attempts++;
	output->look_for_gap = true;
	if (output->failing_ms == 0)
		output->failing_ms = clock_real_ms();
	record(output, answer);
	if (mood == output->mood)
		return;
	output->mood = mood;
	if (held)
		log_error(
			"output %s: %s; somebody has to look after it, readings are kept",
			output->item->name, answer->reason);
	else
		log_warning("output %s: %s; readings are kept and tried again",
			output->item->name, answer->reason);
}

void output_note_own_trouble(struct output *output, const char *what, const char *why)
{
	struct answer answer = { .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };

	snprintf(answer.reason, sizeof answer.reason, "%s: %.200s", what, why);
	output_note_trouble(output, &answer);
}

void output_note_well(struct output *output)
{
	if (output->mood != MOOD_WELL)
		log_notice("output %s: works again after %u failed attempts",
			output->item->name, output->attempts);
	output->mood = MOOD_WELL;
	output->attempts = 0;
	/* A city of gateways that get their server back together must not drown it. */
	if (output->failing_ms != 0 && clock_real_ms() - output->failing_ms > OUTAGE_MS)
		output->backlog_ms =
			clock_real_ms() + answer_spread_ms(output->jitter_ms);
	output->failing_ms = 0;
}

/* Under the mutex. */
static void show_place(struct output *output)
{
	output->status.cursor = output->place.done;
	output->ahead = lanes_ahead(&output->place);
	output->status.backlog = output->place.count > 0
		? output->place.ahead[output->place.count - 1].from - output->place.done
		: 0;
	for (size_t i = 0; i + 1 < output->place.count; i++)
		output->status.backlog -=
			output->place.ahead[i].to - output->place.ahead[i].from;
}

void output_advance(struct output *output, int64_t id)
{
	if (output->in_backlog)
		lanes_advance_backlog(&output->place, id);
	else
		lanes_advance_live(&output->place, id);
	pthread_mutex_lock(&output->mutex);
	show_place(output);
	pthread_mutex_unlock(&output->mutex);
}

void output_note_sent(struct output *output, size_t count)
{
	output_note_well(output);
	pthread_mutex_lock(&output->mutex);
	output->status.sent += count;
	output->status.held = false;
	output->status.last_success_ms = clock_wall_ms();
	pthread_mutex_unlock(&output->mutex);
}

int64_t output_look_for_newest(struct output *output)
{
	int64_t newest = store_last_id(output->store);

	pthread_mutex_lock(&output->mutex);
	output->newest = newest;
	pthread_mutex_unlock(&output->mutex);
	return newest;
}

void output_note_refusal(struct output *output, const struct answer *answer)
{
	output_note_well(output);
	record(output, answer);
}

/* --- waiting ------------------------------------------------------------- */

/* Rings do not shorten it, being told to stop does: then false. */
static bool pause_for(struct output *output, int64_t ms)
{
	int64_t end = clock_real_ms() + ms;

	for (;;) {
		int64_t left = end - clock_real_ms();
		if (left <= 0)
			return !bell_is_stopping(&output->bell);
		if (!bell_wait(&output->bell, left))
			return false;
		if (output->store)
			output_look_for_newest(output); /* the lag grows meanwhile */
	}
}

bool output_back_off(struct output *output, const struct answer *answer)
{
	return pause_for(output, answer_backoff_ms(answer, output->attempts));
}

bool output_back_off_from_own_trouble(struct output *output)
{
	return output_back_off(output,
		&(struct answer){ .outcome = OUTCOME_RETRY, .retry_after_ms = -1 });
}

/* --- store and driver ---------------------------------------------------- */

void output_close_store(struct output *output)
{
	store_close(output->store);
	output->store = NULL;
}

static bool open_store(struct output *output, char *why, size_t size)
{
	const char *name = output->item->name;
	struct lanes place;

	output->store = store_open(output->store_path, STORE_CLIENT, why, size);
	if (!output->store)
		return false;
	if (lanes_load(output->store, name, &place) < 0) {
		snprintf(why, size, "%s", store_error(output->store));
		output_close_store(output);
		return false;
	}
	output->saved = place;
	int64_t newest = output_look_for_newest(output);
	if (lanes_live(&place) > newest) {
		/* A store that lost its end gives those ids to other reports. */
		log_warning("output %s: its place in the store is gone, going on behind "
			    "the newest report",
			name);
		place = (struct lanes){ .done = newest };
	}
	if (output->count == 0)
		output->place = place;
	output->look_for_gap = true;
	pthread_mutex_lock(&output->mutex);
	show_place(output);
	output->status.dead = (uint64_t)store_dead_letter_count(output->store, name);
	pthread_mutex_unlock(&output->mutex);
	return true;
}

void output_set_self(struct output *output, void *self)
{
	pthread_mutex_lock(&output->mutex);
	void *before = output->self;
	output->self = self;
	if (self && output->aborting && output->driver->abort)
		output->driver->abort(self);
	pthread_mutex_unlock(&output->mutex);
	if (before)
		output->driver->close(before);
}

bool output_is_aborting(struct output *output)
{
	pthread_mutex_lock(&output->mutex);
	bool aborting = output->aborting;
	pthread_mutex_unlock(&output->mutex);
	return aborting;
}

bool output_make_ready(struct output *output)
{
	char why[256] = "no reason given";

	if (!output->store && !open_store(output, why, sizeof why)) {
		output_note_own_trouble(output, "cannot open the store", why);
		return false;
	}
	if (!output->self)
		output_set_self(output,
			output->driver->open(output->item->options, why, sizeof why));
	if (!output->self) {
		output_note_own_trouble(output, "cannot be opened", why);
		return false;
	}
	return true;
}

bool output_reopen(struct output *output)
{
	output_set_self(output, NULL);
	while (!output_make_ready(output)) {
		if (!output_back_off_from_own_trouble(output))
			return false;
	}
	return true;
}

/* --- the cursor ---------------------------------------------------------- */

void output_save_cursor(struct output *output)
{
	if (!output->store ||
		memcmp(&output->place, &output->saved, sizeof output->place) == 0)
		return;
	if (lanes_save(output->store, output->item->name, &output->place) < 0) {
		log_warning("output %s: cannot store its place: %s", output->item->name,
			store_error(output->store));
		return;
	}
	output->saved = output->place;
}
