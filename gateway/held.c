#include "gateway/held.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "store/codec.h"

enum {
	WAITING_BYTES = 256 * 1024,
	TAKEN_BYTES = 1 << 20, /* far more ids than a batch of the recorder's has */
	ROW_BYTES = 512,       /* what a row may take in the file, generously */
	FEWEST = 10000,        /* rows, however small the store may be */
};

/* Packed readings follow. */
struct entry {
	char boot[UNDATED_BOOT_SIZE];
	int64_t source;
	int64_t mono_ms;
	uint32_t length;
};

bool held_init(struct held *held, struct store *store, const struct timekeeper *keeper,
	struct recorder_stats *stats, int64_t max_bytes)
{
	*held = (struct held){
		.store = store,
		.keeper = keeper,
		.stats = stats,
		.most = max_bytes / 4 / ROW_BYTES,
		.portion = calloc(HELD_PORTION, sizeof *held->portion),
	};
	if (held->most < FEWEST)
		held->most = FEWEST;
	buffer_init(&held->waiting, WAITING_BYTES + sizeof(struct entry) + CODEC_MAX);
	buffer_init(&held->taken, TAKEN_BYTES);
	return held->portion != NULL;
}

void held_free(struct held *held)
{
	free(held->portion);
	buffer_free(&held->waiting);
	buffer_free(&held->taken);
	*held = (struct held){ .portion = NULL };
}

static bool is_own(const char *boot)
{
	return strcmp(boot, clock_boot_id()) == 0;
}

static void show(const struct held *held)
{
	held->stats->held = held->own + held->more_own;
	held->stats->undatable = held->foreign + held->more_foreign;
}

/* Of BOOT, COUNT come or go with the next commit. */
static void expect_more(struct held *held, const char *boot, int64_t count)
{
	if (is_own(boot))
		held->more_own += count;
	else
		held->more_foreign += count;
	show(held);
}

static int count_rows(struct held *held)
{
	int64_t all = undated_count(held->store, NULL);
	int64_t own = undated_count(held->store, clock_boot_id());

	if (all < 0 || own < 0)
		return -1;
	held->own = own;
	held->foreign = all - own;
	return 0;
}

int held_reload(struct held *held)
{
	buffer_clear(&held->waiting);
	buffer_clear(&held->taken);
	held->more_own = held->more_foreign = 0;
	if (count_rows(held) < 0)
		return -1;
	held_drain(held);
	show(held);
	return 0;
}

/* --- holding ---------------------------------------------------------------- */

void held_put(
	struct held *held, const struct report *report, int64_t source, const char *boot)
{
	struct entry entry = { .source = source, .mono_ms = report->mono_ms };
	uint8_t packed[CODEC_MAX];

	memccpy(entry.boot, boot, '\0', sizeof entry.boot - 1);
	entry.length = (uint32_t)codec_pack(report, packed);
	buffer_append(&held->waiting, &entry, sizeof entry);
	buffer_append(&held->waiting, packed, entry.length);
	expect_more(held, entry.boot, 1);
}

bool held_is_waiting(const struct held *held)
{
	return held->waiting.length > 0;
}

bool held_is_full(const struct held *held)
{
	return held->waiting.length >= WAITING_BYTES;
}

/* --- putting right ------------------------------------------------------------ */

void held_drain(struct held *held)
{
	held->scanned_id = 0;
	held->portion_count = held->portion_at = 0;
	held->is_draining = held->own + held->foreign > 0;
}

static bool read_row(void *arg, const struct undated *undated)
{
	struct held *held = arg;
	struct undated *row = &held->portion[held->portion_count];

	*row = *undated;
	held->scanned_id = row->id;
	if (timekeeper_date(held->keeper, &row->report, row->boot))
		held->portion_count++;
	return held->portion_count < HELD_PORTION;
}

static void end_draining(struct held *held)
{
	held->is_draining = false;
	if (held->foreign == 0 || held->was_said)
		return;
	held->was_said = true;
	log_warning("%" PRId64
		    " reports are of an earlier start of this machine, whose clock was "
		    "never set: nobody can say when they were taken; they are kept apart",
		held->foreign);
}

int held_next(struct held *held, struct report *report)
{
	if (!held->is_draining)
		return 0;
	if (held->portion_at == held->portion_count) {
		held->portion_at = held->portion_count = 0;
		if (undated_scan(held->store, held->scanned_id, read_row, held) < 0)
			return -1;
		if (held->portion_count == 0) {
			end_draining(held);
			return 0;
		}
	}
	*report = held->portion[held->portion_at].report;
	return 1;
}

void held_take(struct held *held)
{
	const struct undated *row = &held->portion[held->portion_at++];

	buffer_append(&held->taken, &row->id, sizeof row->id);
	expect_more(held, row->boot, -1);
}

/* --- in the transaction --------------------------------------------------------- */

static int add_waiting(struct held *held, int64_t last_id)
{
	const char *at = held->waiting.data, *end = at + held->waiting.length;
	struct entry entry;

	for (; at < end; at += sizeof entry + entry.length) {
		memcpy(&entry, at, sizeof entry);
		if (undated_add(held->store, entry.boot, entry.source, entry.mono_ms,
			    (const uint8_t *)at + sizeof entry, entry.length,
			    last_id) < 0)
			return -1;
	}
	return 0;
}

static int remove_taken(struct held *held)
{
	const char *at = held->taken.data, *end = at + held->taken.length;
	int64_t id;

	for (; at < end; at += sizeof id) {
		memcpy(&id, at, sizeof id);
		if (undated_remove(held->store, id) < 0)
			return -1;
	}
	return 0;
}

/*
 * More than there is room for: the oldest are given up, as in every buffer; some at a
 * time, because counting them costs.
 */
static int make_room(struct held *held)
{
	int64_t over = held->own + held->more_own + held->foreign + held->more_foreign -
		held->most;

	if (over <= 0)
		return 0;
	int dropped = undated_drop(held->store, over + held->most / 16);
	if (dropped < 0 || count_rows(held) < 0)
		return -1;
	/* What is not committed yet is in the table already, and counted. */
	held->own -= held->more_own;
	held->foreign -= held->more_foreign;
	if (held->stats->held_dropped == 0)
		log_error("the clock is still not set, and no more than %" PRId64
			  " reports can be held until it is; the oldest are given up",
			held->most);
	atomic_fetch_add(&held->stats->held_dropped, (uint64_t)dropped);
	return 0;
}

int held_write(struct held *held, int64_t last_id)
{
	if (held->waiting.failed || held->taken.failed)
		return -1; /* no memory: all of it comes again */
	if (add_waiting(held, last_id) < 0 || remove_taken(held) < 0)
		return -1;
	return make_room(held);
}

void held_committed(struct held *held)
{
	buffer_clear(&held->waiting);
	buffer_clear(&held->taken);
	held->own += held->more_own;
	held->foreign += held->more_foreign;
	held->more_own = held->more_foreign = 0;
	show(held);
}

int held_forget(struct held *held, int limit)
{
	if (held->foreign == 0)
		return 0;
	int forgotten = undated_forget(held->store, clock_boot_id(), limit);
	held->more_foreign -= forgotten > 0 ? forgotten : 0;
	return forgotten < 0 ? -1 : 0;
}
