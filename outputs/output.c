#include "outputs/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "outputs/worker.h"
#include "store/reports.h"

enum {
	IDLE_MS = 60 * 1000, /* so that a lost ring costs a minute at most */
};

struct outputs {
	size_t count;
	char *store_path;
	struct bell finished;
	struct output outputs[];
};

/* --- filling the batch --------------------------------------------------- */

static bool is_full(const struct output *output)
{
	return output->too_large || output->count == output->batch_max ||
		output->batch.length >= output->bytes_max;
}

static void skip(struct output *output)
{
	pthread_mutex_lock(&output->mutex);
	output->status.skipped++;
	pthread_mutex_unlock(&output->mutex);
}

static bool take(void *arg, const struct stored_report *stored)
{
	struct output *output = arg;
	size_t before = output->batch.length;

	if (is_full(output))
		return false;
	if (output->in_backlog && stored->id > lanes_backlog_end(&output->place)) {
		output->scanned = lanes_backlog_end(&output->place);
		return false;
	}
	if (report_time_is_possible(&stored->report))
		output->driver->encode(output->self, stored, &output->batch);
	else
		skip(output);
	if (output->batch.failed) {
		buffer_truncate(&output->batch, before);
		return false;
	}
	/* What would make it too large for the receiver waits for the next batch. */
	if (output->count > 0 && output->bytes_max < OUTPUT_BATCH_BYTES &&
		output->batch.length > output->bytes_max) {
		buffer_truncate(&output->batch, before);
		output->too_large = true;
		return false;
	}
	if (output->batch.length > before) {
		if (output->count == 0)
			output->since_ms = clock_real_ms();
		output->pieces[output->count++] = (struct piece){
			.id = stored->id,
			.end = output->batch.length,
		};
	}
	output->scanned = stored->id;
	return true;
}

/* A backlog with a rate goes in sendings of a second, not in bursts. */
static int room_for(const struct output *output)
{
	size_t most = output->batch_max;

	if (output->rate > 0 && output->is_behind && most > (size_t)output->rate)
		most = (size_t)output->rate;
	return most > output->count ? (int)(most - output->count) : 0;
}

/* Takes up reports behind the ones it has. False, with the trouble noted: it cannot. */
static bool fill(struct output *output)
{
	int room = room_for(output);
	int64_t newest = output_look_for_newest(output);
	int64_t end = output->in_backlog ? lanes_backlog_end(&output->place) : newest;
	int got = store_scan(output->store, output->scanned, room, take, output);

	if (got < 0) {
		output_note_own_trouble(
			output, "cannot read the store", store_error(output->store));
		output_close_store(output);
		return false;
	}
	if (output->batch.failed) {
		output->batch.failed = false;
		if (output->count == 0) {
			output_note_own_trouble(output, "cannot encode", "out of memory");
			return false;
		}
	}
	/*
	 * Nothing readable up to the newest: forgotten, damaged, or ids that a damaged
	 * store made the new one pass over.
	 */
	if (got == 0 && room > 0 && end > output->scanned)
		output->scanned = end;
	return true;
}

static void empty_batch(struct output *output)
{
	output->was_live = !output->in_backlog && !is_full(output);
	buffer_clear(&output->batch);
	output->count = 0;
	output->too_large = false;
	output_advance(output, output->scanned);
	output_save_cursor(output);
}

/* --- the two lanes ------------------------------------------------------- */

static bool is_gap(const struct output *output, int64_t newest)
{
	return newest - lanes_live(&output->place) > (int64_t)output->batch_max;
}

/* After the start or failures: the live lane begins anew at the newest, over a gap. */
static void look_for_gap(struct output *output, int64_t newest)
{
	bool at_start = output->started_ms == 0;

	output->started_ms = clock_real_ms();
	output->look_for_gap = false;
	if (!is_gap(output, newest))
		return;
	if (output->live_first)
		lanes_split(&output->place, newest);
	if (at_start)
		output->backlog_ms =
			output->started_ms + answer_spread_ms(output->jitter_ms);
}

/* Decides which lane the next batch is of. False: neither is due before WAIT ms. */
static bool choose_lane(struct output *output, int64_t *wait)
{
	int64_t newest = output_look_for_newest(output);

	if (output->look_for_gap)
		look_for_gap(output, newest);
	bool backlog = lanes_backlog_end(&output->place) > 0;
	bool live = !backlog || newest > lanes_live(&output->place);
	int64_t due = output->backlog_ms - clock_real_ms();
	bool strict = !output->live_first && is_gap(output, newest);
	if (strict && due > 0) {
		*wait = due;
		return false;
	}
	/* Turn by turn, but a live lane that is itself behind goes on. */
	output->in_backlog = backlog && due <= 0 && (!live || output->was_live);
	output->scanned = output->in_backlog ? lanes_backlog(&output->place)
					     : lanes_live(&output->place);
	output->is_behind = strict || output->in_backlog;
	*wait = due;
	return live || output->in_backlog;
}

static void pace_backlog(struct output *output, size_t count)
{
	int64_t now = clock_real_ms();

	if (!output->is_behind || output->rate == 0)
		return;
	if (output->backlog_ms < now)
		output->backlog_ms = now;
	output->backlog_ms += (int64_t)count * 1000 / output->rate;
}

/* --- the thread ---------------------------------------------------------- */

/* Nothing of the lane is to be sent. False: it is time to end. */
static bool pass_over(struct output *output, bool stopping)
{
	int64_t from = output->in_backlog ? lanes_backlog(&output->place)
					  : lanes_live(&output->place);
	bool moved = output->scanned != from;

	if (moved)
		empty_batch(output);
	else
		output_note_well(output);
	if (!moved && !stopping)
		bell_wait(&output->bell, IDLE_MS);
	return moved || !stopping;
}

static bool begin_batch(struct output *output)
{
	int64_t wait = 0;

	if (output->count > 0)
		return true;
	if (!choose_lane(output, &wait)) {
		if (!bell_is_stopping(&output->bell))
			bell_wait(&output->bell, wait < IDLE_MS ? wait : IDLE_MS);
		return false;
	}
	if (output->driver->lane)
		output->driver->lane(output->self, output->in_backlog);
	return true;
}

/* False: it is time to end. */
static bool step(struct output *output)
{
	bool stopping = bell_is_stopping(&output->bell);

	if (output_is_aborting(output))
		return false;
	if (!output_make_ready(output))
		return output_back_off_from_own_trouble(output);
	if (output->count == 0 && output_send_again(output))
		return true;
	if (!begin_batch(output))
		return !stopping;
	if (!fill(output))
		return output_back_off_from_own_trouble(output);
	if (output->count == 0)
		return pass_over(output, stopping);
	int64_t wait = output->since_ms + output->linger_ms - clock_real_ms();
	/* With a backlog there is no time to wait for more. */
	if (!stopping && wait > 0 && !is_full(output) && output->place.count == 0) {
		bell_wait(&output->bell, wait);
		return true;
	}
	size_t count = output->count;
	if (output_deliver(output, 0, count)) {
		pace_backlog(output, count);
		empty_batch(output);
		return true;
	}
	output_save_cursor(output);
	return false;
}

static void *run(void *arg)
{
	struct output *output = arg;

	if (output->driver->periods)
		output_run_periods(output);
	else
		while (step(output))
			;
	output_set_self(output, NULL);
	output_close_store(output);
	pthread_mutex_lock(&output->mutex);
	output->finished = true;
	pthread_mutex_unlock(&output->mutex);
	bell_ring(output->finished_bell);
	return NULL;
}

/* --- all of them --------------------------------------------------------- */

static bool start(struct output *output, const struct option_item *item,
	const char *store_path, struct bell *finished)
{
	const struct output_common *common = item->common;
	char name[NAME_SIZE + 8];

	output->driver = (const struct output_driver *)((const char *)item->kind -
		offsetof(struct output_driver, kind));
	output->item = item;
	output->store_path = store_path;
	output->finished_bell = finished;
	output->batch_max = (size_t)common->batch;
	output->linger_ms = common->linger;
	output->live_first =
		!output->driver->oldest_first && common->order == OUTPUT_LIVE_FIRST;
	output->rate = common->rate;
	output->jitter_ms = common->jitter;
	output->bytes_max = OUTPUT_BATCH_BYTES;
	output->status.name = item->name;
	output->status.type = item->kind->name;
	bell_init(&output->bell);
	pthread_mutex_init(&output->mutex, NULL);
	buffer_init(&output->batch, OUTPUT_BATCH_BYTES + OUTPUT_RECORD_MAX);
	buffer_init(&output->letter, OUTPUT_RECORD_MAX);
	output->pieces = calloc(output->batch_max, sizeof *output->pieces);
	snprintf(name, sizeof name, "out-%.11s", item->name);
	output->started =
		output->pieces && thread_start(&output->thread, name, run, output) == 0;
	return output->started;
}

static void release(struct output *output)
{
	if (!output->driver)
		return;
	free(output->pieces);
	buffer_free(&output->batch);
	buffer_free(&output->letter);
	pthread_mutex_destroy(&output->mutex);
	bell_free(&output->bell);
}

struct outputs *outputs_start(const struct option_list *items, const char *store_path)
{
	const struct option_item *list = items->items;
	struct outputs *outputs =
		calloc(1, sizeof *outputs + items->count * sizeof *outputs->outputs);

	if (!outputs) {
		log_error("outputs: out of memory");
		return NULL;
	}
	bell_init(&outputs->finished);
	outputs->count = items->count;
	outputs->store_path = strdup(store_path);
	for (size_t i = 0; i < items->count; i++) {
		if (outputs->store_path &&
			start(&outputs->outputs[i], &list[i], outputs->store_path,
				&outputs->finished))
			continue;
		log_error("output %s: cannot start its thread", list[i].name);
		outputs_stop(outputs, 0);
		return NULL;
	}
	return outputs;
}

void outputs_ring(struct outputs *outputs)
{
	for (size_t i = 0; i < outputs->count; i++)
		bell_ring(&outputs->outputs[i].bell);
}

static bool all_finished(struct outputs *outputs)
{
	bool all = true;

	for (size_t i = 0; i < outputs->count; i++) {
		struct output *output = &outputs->outputs[i];
		if (!output->started)
			continue;
		pthread_mutex_lock(&output->mutex);
		all &= output->finished;
		pthread_mutex_unlock(&output->mutex);
	}
	return all;
}

static void abort_sending(struct output *output)
{
	pthread_mutex_lock(&output->mutex);
	output->aborting = true;
	if (output->self && output->driver->abort)
		output->driver->abort(output->self);
	pthread_mutex_unlock(&output->mutex);
}

void outputs_stop(struct outputs *outputs, int64_t grace_ms)
{
	if (!outputs)
		return;
	int64_t end = clock_real_ms() + grace_ms, left;

	for (size_t i = 0; i < outputs->count; i++) {
		if (outputs->outputs[i].started)
			bell_stop(&outputs->outputs[i].bell);
	}
	while (!all_finished(outputs) && (left = end - clock_real_ms()) > 0)
		bell_wait(&outputs->finished, left);
	for (size_t i = 0; i < outputs->count; i++) {
		if (outputs->outputs[i].started)
			abort_sending(&outputs->outputs[i]);
	}
	for (size_t i = 0; i < outputs->count; i++) {
		if (outputs->outputs[i].started)
			pthread_join(outputs->outputs[i].thread, NULL);
		release(&outputs->outputs[i]);
	}
	bell_free(&outputs->finished);
	free(outputs->store_path);
	free(outputs);
}

size_t outputs_count(const struct outputs *outputs)
{
	return outputs->count;
}

void outputs_get_status(
	const struct outputs *outputs, size_t index, struct output_status *status)
{
	struct output *output = (struct output *)&outputs->outputs[index];

	pthread_mutex_lock(&output->mutex);
	*status = output->status;
	status->lag =
		output->newest > status->cursor ? output->newest - status->cursor : 0;
	status->lag = status->lag > output->ahead ? status->lag - output->ahead : 0;
	pthread_mutex_unlock(&output->mutex);
}
