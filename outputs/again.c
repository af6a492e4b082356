/* Dead letters that an operator has put back: `muabui store dead-letters retry`. */
#include "core/clock.h"
#include "core/log.h"
#include "outputs/worker.h"
#include "store/dead_letters.h"
#include "store/reports.h"

enum {
	PAUSE_MS = 60 * 1000, /* after a failure that is not the letter's */
	COUNT_MS = 10 * 1000, /* how long an operator's doing may stay unseen */
};

struct wanted {
	struct output *output;
	int64_t report;
};

static bool encode(void *arg, const struct stored_report *stored)
{
	const struct wanted *wanted = arg;
	struct output *output = wanted->output;

	if (stored->id == wanted->report)
		output->driver->encode(output->self, stored, &output->letter);
	return false;
}

/* By what the letter's report is now: the far side, or its settings, may have changed. */
static bool encode_report(struct output *output, int64_t report)
{
	struct wanted wanted = { .output = output, .report = report };

	buffer_clear(&output->letter);
	return store_scan(output->store, report - 1, 1, encode, &wanted) >= 0 &&
		output->letter.length > 0 && !output->letter.failed;
}

static void settle(struct output *output, int64_t id, const char *reason)
{
	if (dead_letters_settle(output->store, id, reason) < 0) {
		output->again_ms = clock_real_ms() + PAUSE_MS;
		return;
	}
	log_notice("output %s: dead letter %lld was %s%s", output->item->name,
		(long long)id, reason ? "refused again: " : "taken",
		reason ? reason : "");
	if (reason)
		return;
	pthread_mutex_lock(&output->mutex);
	output->status.dead -= output->status.dead > 0;
	pthread_mutex_unlock(&output->mutex);
}

/* Operators drop letters, too. */
static void count_letters(struct output *output)
{
	int64_t now_ms = clock_real_ms();

	if (now_ms < output->count_ms)
		return;
	output->count_ms = now_ms + COUNT_MS;
	int64_t dead = store_dead_letter_count(output->store, output->item->name);
	pthread_mutex_lock(&output->mutex);
	output->status.dead = (uint64_t)dead;
	pthread_mutex_unlock(&output->mutex);
}

bool output_send_again(struct output *output)
{
	struct answer answer = { .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };
	int64_t id, report;

	count_letters(output);
	if (clock_real_ms() < output->again_ms || bell_is_stopping(&output->bell) ||
		dead_letters_next(output->store, output->item->name, &id, &report) <= 0)
		return false;
	if (!encode_report(output, report)) {
		settle(output, id, "its report is no longer stored");
		return true;
	}
	output->driver->send(output->self, &output->letter, &answer);
	if (answer.outcome == OUTCOME_DONE)
		settle(output, id, NULL);
	else if (answer.outcome == OUTCOME_REFUSED)
		settle(output, id, answer.reason);
	else
		output->again_ms = clock_real_ms() + PAUSE_MS;
	return true;
}
