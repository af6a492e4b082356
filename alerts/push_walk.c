/* Whose turn it is: those the message comes to for the first time, and those owed it. */
#include "alerts/push_sender.h"

#include "core/clock.h"

enum {
	SAVE_MS = 100,   /* what is done is kept at least that often */
	LOOK_MS = 100,   /* those that are owed are looked for that often */
	WALK_MAX = 1000, /* subscriptions looked at between two looks at the wire */
};

/* --- keeping --------------------------------------------------------- */

/* Beyond it somebody is being told for the first time. */
static int64_t done_to(const struct push_sender *sender)
{
	int64_t number = sender->run.taken_to;

	for (int i = 0; i < sender->options->in_flight; i++) {
		const struct push_job *job = &sender->jobs[i];

		if (job->is_busy && !job->was_owed && job->subscription <= number)
			number = job->subscription - 1;
	}
	return number;
}

void push_save(struct push_sender *sender)
{
	struct push_run *run = &sender->run;
	struct fanout next = run->fanout;

	run->saved_ms = clock_real_ms();
	next.done_to = done_to(sender);
	if (run->result_count == 0 && next.done_to == run->fanout.done_to)
		return;
	if (fanout_save(sender->store, &next, run->results, run->result_count,
		    clock_wall_ms()) < 0) {
		run->failed = true;
		return;
	}
	run->fanout = next;
	run->result_count = 0;
}

/* Keeps what is done, where that is much or waits for long. */
void push_save_some(struct push_sender *sender)
{
	const struct push_run *run = &sender->run;

	if (run->result_count >= (size_t)sender->options->in_flight / 2 ||
		clock_real_ms() - run->saved_ms >= SAVE_MS)
		push_save(sender);
}

/* --- the first time round -------------------------------------------- */

static void take_ahead(void *arg, const struct subscription *subscription)
{
	struct push_run *run = arg;

	run->ahead[run->ahead_count++] = *subscription;
}

static bool read_ahead(struct push_sender *sender)
{
	struct push_run *run = &sender->run;

	if (run->ahead_at < run->ahead_count)
		return true;
	run->ahead_at = run->ahead_count = 0;
	int got = subscriptions_after(
		sender->store, run->taken_to, PUSH_AHEAD, take_ahead, run);
	run->failed |= got < 0;
	run->walked = got == 0;
	return got > 0;
}

/* Deals with the next one. False: not now. */
static bool take_next(struct push_sender *sender, const struct subscription *next)
{
	struct push_run *run = &sender->run;
	int known = fanout_look(sender->store, &run->fanout, &run->bits, next->number);

	run->failed |= known < 0;
	if (known < 0)
		return false;
	if (known & FANOUT_DEALT ||
		!push_is_wanted(run->message, next, known & FANOUT_TOLD, clock_wall_ms()))
		return true;
	struct push_origin *origin = push_origins_get(sender->origins, next->origin);
	if (!origin)
		return false;
	int64_t now_ms = clock_real_ms();
	switch (push_origin_admit(
		sender->origins, origin, (unsigned)sender->options->in_flight, now_ms)) {
	case PUSH_GO:
		return push_job_start(sender, next, origin, 0, false);
	case PUSH_WAIT:
		return false;
	default:
		push_save_some(sender);
		if (run->failed)
			return false;
		push_note_owed(sender, next->number, origin, 0,
			push_origin_wait_ms(origin, now_ms));
		return true;
	}
}

void push_walk(struct push_sender *sender)
{
	struct push_run *run = &sender->run;

	/* Not all at once: those under way want to be looked after. */
	for (int i = 0; i < WALK_MAX && !run->walked && !run->failed &&
		sender->free_jobs && read_ahead(sender);
		i++) {
		const struct subscription *next = &run->ahead[run->ahead_at];

		if (!take_next(sender, next))
			break;
		run->taken_to = next->number;
		run->ahead_at++;
	}
}

/* --- those that are owed --------------------------------------------- */

static bool is_under_way(const struct push_sender *sender, int64_t subscription)
{
	for (int i = 0; i < sender->options->in_flight; i++)
		if (sender->jobs[i].is_busy &&
			sender->jobs[i].subscription == subscription)
			return true;
	return false;
}

static void take_owed(
	void *arg, const struct subscription *subscription, unsigned attempts)
{
	struct push_sender *sender = arg;

	if (!sender->free_jobs || is_under_way(sender, subscription->number))
		return;
	struct push_origin *origin =
		push_origins_get(sender->origins, subscription->origin);
	if (!origin)
		return;
	switch (push_origin_admit(sender->origins, origin,
		(unsigned)sender->options->in_flight, clock_real_ms())) {
	case PUSH_GO:
		push_job_start(sender, subscription, origin, attempts, true);
		break;
	case PUSH_DEFER:
		origin->is_postponed = true;
		break;
	case PUSH_WAIT:
		break;
	}
}

/* What is owed by one that fails waits in the store, not in everybody's way. */
static void postpone(struct push_sender *sender)
{
	struct push_run *run = &sender->run;
	struct push_origin *origin = NULL;
	int64_t now_ms = clock_real_ms();

	while ((origin = push_origins_next(sender->origins, origin))) {
		if (!origin->is_postponed)
			continue;
		origin->is_postponed = false;
		int64_t due_ms = clock_wall_ms() + push_origin_wait_ms(origin, now_ms);
		run->failed |= fanout_postpone(sender->store, &run->fanout, origin->name,
				       due_ms) < 0;
	}
}

void push_take_due(struct push_sender *sender)
{
	struct push_run *run = &sender->run;

	unsigned most = (unsigned)sender->options->in_flight;

	if (run->in_flight > most - most / 4 ||
		clock_real_ms() - run->looked_ms < LOOK_MS)
		return;
	/* What was just done must not be found owed once more. */
	push_save(sender);
	if (run->failed)
		return;
	int got = fanout_due(sender->store, &run->fanout, clock_wall_ms(),
		2 * sender->options->in_flight, take_owed, sender);
	run->failed |= got < 0;
	/* There may be more: those that were under way stood before them. */
	run->looked_ms = got >= sender->options->in_flight ? 0 : clock_real_ms();
	postpone(sender);
}
