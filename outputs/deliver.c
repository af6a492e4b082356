#include "outputs/worker.h"

#include "core/clock.h"
#include "core/log.h"
#include "store/dead_letters.h"

/*
 * What the far side answers decides what happens to a batch (DESIGN §6.4):
 *
 *   done      the cursor moves
 *   retry     the same again after a pause; if it times out repeatedly, in halves,
 *             because a slow line may never take the whole in time
 *   refused   without those that the far side named, or in halves, until the guilty
 *             report stands alone: a dead letter
 *   held      the same again after a long pause, with secrets read anew
 */

enum {
	LOG_PAUSE_MS = 10 * 1000, /* between two lines about dead letters */
	STATUS_TOO_LARGE = 413,
};

/* --- dead letters -------------------------------------------------------- */

static size_t piece_start(const struct output *output, size_t index)
{
	return index > 0 ? output->pieces[index - 1].end : 0;
}

static int write_letter(struct output *output, size_t index, const char *reason)
{
	size_t start = piece_start(output, index);
	size_t end = output->pieces[index].end;

	if (end > start && output->batch.data[end - 1] == '\n')
		end--;
	buffer_clear(&output->letter);
	buffer_append(&output->letter, output->batch.data + start, end - start);
	return store_dead_letter(output->store, output->item->name,
		output->pieces[index].id, buffer_text(&output->letter), reason);
}

/* The oldest make room for COUNT new ones. How many went, or -1. */
static int64_t trim_letters(struct output *output, size_t count)
{
	if (output->status.dead + count <= DEAD_LETTERS_MAX)
		return 0;
	return dead_letters_trim(output->store, output->item->name, DEAD_LETTERS_MAX);
}

/* The letters and the place behind them in one transaction; *DROPPED had to go. */
static int write_letters(struct output *output, size_t first, size_t count,
	const char *reason, int64_t *dropped)
{
	struct lanes before = output->place;

	if (store_begin(output->store) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (write_letter(output, first + i, reason) < 0)
			goto failed;
	}
	*dropped = trim_letters(output, count);
	output_advance(output, output->pieces[first + count - 1].id);
	if (*dropped < 0 ||
		lanes_save(output->store, output->item->name, &output->place) < 0 ||
		store_commit(output->store) < 0)
		goto failed;
	output->saved = output->place;
	return 0;

failed:
	store_rollback(output->store);
	output->place = before;
	return -1;
}

/* False: told to stop before it could be done. */
static bool bury(
	struct output *output, size_t first, size_t count, const struct answer *answer)
{
	const char *name = output->item->name;
	int64_t dropped = 0;

	while (write_letters(output, first, count, answer->reason, &dropped) < 0) {
		output_note_own_trouble(
			output, "cannot store dead letters", store_error(output->store));
		if (!output_back_off_from_own_trouble(output))
			return false;
	}
	pthread_mutex_lock(&output->mutex);
	output->status.dead += count;
	output->status.dead -= (uint64_t)dropped;
	output->status.dead_dropped += (uint64_t)dropped;
	pthread_mutex_unlock(&output->mutex);
	int64_t now = clock_real_ms();
	if (output->letter_log_ms == 0 || now - output->letter_log_ms >= LOG_PAUSE_MS) {
		output->letter_log_ms = now;
		log_warning(
			"output %s: refused and put aside as dead letter, %zu from report "
			"%lld on: %s",
			name, count, (long long)output->pieces[first].id, answer->reason);
		if (output->status.dead_dropped > 0)
			log_error("output %s: there are %d dead letters, %llu older ones "
				  "are gone",
				name, DEAD_LETTERS_MAX,
				(unsigned long long)output->status.dead_dropped);
	}
	return true;
}

/* --- delivering ---------------------------------------------------------- */

static void send_pieces(
	struct output *output, size_t first, size_t count, struct answer *answer)
{
	size_t start = piece_start(output, first);
	size_t length = output->pieces[first + count - 1].end - start;
	const struct buffer part = {
		.data = output->batch.data + start,
		.length = length,
		.capacity = length,
		.limit = length,
	};

	*answer = (struct answer){ .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };
	output->driver->send(output->self, &part, answer);
}

/*
 * Names are believed only with USE_NAMES; what stands before a named one is sent without,
 * so that the depth of these calls is bounded, whatever the far side says.
 */
static bool deliver(struct output *output, size_t first, size_t count, bool use_names);

static bool deliver_halves(
	struct output *output, size_t first, size_t count, bool use_names)
{
	size_t half = count / 2;

	return deliver(output, first, half, use_names) &&
		deliver(output, first + half, count - half, use_names);
}

/*
 * Those that were named become dead letters, what stands before each of them is sent.
 * FIRST and COUNT become what is left behind the last one.
 */
static bool deliver_around(
	struct output *output, size_t *first, size_t *count, const struct answer *answer)
{
	for (size_t i = 0, at = 0; i < answer->guilty_count; i++) {
		size_t before = answer->guilty[i] - at;
		if (before > 0 && !deliver(output, *first, before, false))
			return false;
		if (!bury(output, *first + before, 1, answer))
			return false;
		*first += before + 1;
		*count -= before + 1;
		at = answer->guilty[i] + 1;
	}
	return true;
}

/* Ascending, and all of them in what was sent. */
static bool names_are_sound(const struct answer *answer, size_t count)
{
	for (size_t i = 0; i < answer->guilty_count; i++) {
		if (answer->guilty[i] >= count ||
			(i > 0 && answer->guilty[i] <= answer->guilty[i - 1]))
			return false;
	}
	return answer->guilty_count > 0;
}

/* FIRST and COUNT become what is still to be sent. */
static bool handle_refusal(struct output *output, size_t *first, size_t *count,
	bool use_names, const struct answer *answer)
{
	size_t length =
		output->pieces[*first + *count - 1].end - piece_start(output, *first);
	size_t all = *count;

	output_note_refusal(output, answer);
	if (all > 1 && answer->status == STATUS_TOO_LARGE)
		output->bytes_max = length / 2;
	else if (all > 1 && use_names && names_are_sound(answer, all))
		return deliver_around(output, first, count, answer);
	*count = 0;
	if (all == 1 || answer->refused == (int64_t)all)
		return bury(output, *first, all, answer);
	return deliver_halves(output, *first, all, use_names);
}

static bool deliver(struct output *output, size_t first, size_t count, bool use_names)
{
	unsigned attempt = 0;

	while (count > 0) {
		struct answer answer;

		send_pieces(output, first, count, &answer);
		if (answer.outcome == OUTCOME_DONE) {
			output_advance(output, output->pieces[first + count - 1].id);
			output_note_sent(output, count);
			return true;
		}
		if (answer.outcome == OUTCOME_REFUSED) {
			if (!handle_refusal(output, &first, &count, use_names, &answer))
				return false;
			continue;
		}
		output_note_trouble(output, &answer);
		output_save_cursor(output);
		if (!output_back_off(output, &answer))
			return false;
		if (answer.outcome == OUTCOME_HELD && !output_reopen(output))
			return false;
		if (answer.maybe_taken && ++attempt >= 2 && count > 1)
			return deliver_halves(output, first, count, use_names);
	}
	return true;
}

bool output_deliver(struct output *output, size_t first, size_t count)
{
	return deliver(output, first, count, true);
}
