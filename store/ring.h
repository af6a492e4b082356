/*
 * The ring: a bounded queue of reports in a shared file mapping. What a sensor
 * has handed over survives the death of the process, because the pages belong
 * to the file. Many writers, one reader.
 *
 * A slot is released only when the reader says that it is stored, so a crash
 * in between repeats it; its sequence number tells the reader that it has had
 * it. Every slot carries a checksum: one torn by a power cut is skipped and
 * counted. A power cut also takes what the kernel had not yet written of the mapping,
 * which is why "accepted" is a promise against crashes only; see docs/durability.md.
 */
#ifndef MUABUI_STORE_RING_H
#define MUABUI_STORE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/reading.h"

struct ring;

struct ring_status {
	uint64_t accepted;  /* reports handed over since start */
	uint64_t dropped;   /* oldest reports lost to newer ones, since start */
	uint64_t torn;      /* damaged slots skipped at opening */
	uint64_t recovered; /* reports found at opening, not yet stored */
	size_t used, size;  /* bytes */
};

/*
 * Opens or makes the ring at PATH with SIZE bytes (64 KiB … 1 GiB). An existing
 * file of another size is taken as it is while something waits in it. NULL with the
 * reason in WHY, also when another process holds the ring.
 */
struct ring *ring_open(const char *path, size_t size, char *why, size_t why_size);
void ring_close(struct ring *ring);

/*
 * The id of the machine's boot (clock_boot_id()) in which report number SEQ was handed
 * over; "" if that is not known any more. What a ring holds may be older than the boot,
 * and then the report's mono_ms says nothing now. Valid while the ring is open.
 */
const char *ring_boot(const struct ring *ring, uint64_t seq);

/*
 * Makes numbers go on after LAST_SEQ, which the store has had; what the ring holds up to
 * there was stored before a crash. Before the first push.
 */
void ring_number_after(struct ring *ring, uint64_t last_seq);

enum ring_full {
	RING_DROP_OLDEST, /* serial lines: the newest counts; what goes is counted */
	RING_WAIT,        /* MQTT: wait, so that the broker keeps the message */
};

/*
 * Hands REPORT over. KEY (0: none) identifies the message it came in; see
 * ring_has_key(). True = accepted: from here on it is kept. False only with
 * RING_WAIT, when ring_stop_waiting() ended the wait for room, or for a report too
 * large for the ring.
 */
bool ring_push(struct ring *ring, const struct report *report, uint64_t key,
	enum ring_full full);

/*
 * Was a report with KEY accepted lately, before or after a restart? Known are the keys of
 * the slots still in the file, released or not, and of the latest RING_KEYS at least.
 */
bool ring_has_key(struct ring *ring, uint64_t key);

enum { RING_KEYS = 8192 };

/* Reports to be handed over together, ready to be copied. Not thread-safe. */
struct ring_batch {
	struct buffer slots;
	size_t count;
};

/* LIMIT in bytes; a report takes 60 and its names and readings, about 100. */
void ring_batch_init(struct ring_batch *batch, size_t limit);
void ring_batch_free(struct ring_batch *batch);
void ring_batch_clear(struct ring_batch *batch);
/* False: the limit is met, or memory is out. */
bool ring_batch_add(struct ring_batch *batch, const struct report *report, uint64_t key);

/*
 * Hands over all of BATCH in order, but those whose key is known (see ring_has_key()):
 * how many these are goes to KNOWN. Waits where the ring is full. Returns how many were
 * accepted: with KNOWN fewer than all when ring_stop_waiting() was called.
 */
size_t ring_push_batch(struct ring *ring, const struct ring_batch *batch, size_t *known);

/*
 * From now on ring_confirm() waits for the store. Before the first push; otherwise what
 * is accepted is confirmed.
 */
void ring_confirm_stored(struct ring *ring);

/*
 * May the sender of what was pushed before this call be told that it is kept? Waits,
 * after ring_confirm_stored(), until the reader has released all of it. False: some of
 * it may be lost (pushed out of a full ring), or ring_stop_waiting() has ended the
 * wait; then the sender must not be told, and what it sends again is no repetition.
 */
bool ring_confirm(struct ring *ring);

/*
 * Lets writers that wait, and those that come to wait, give up MS real milliseconds from
 * now: the process is about to end, and the reader may not get on.
 */
void ring_stop_waiting(struct ring *ring, int64_t ms);

/* --- the reader ------------------------------------------------------- */

/*
 * Copies the next report, with its sequence number. False when there is none
 * at present. Does not release it.
 */
bool ring_next(struct ring *ring, struct report *report, uint64_t *seq);

/* Everything read so far is stored: its space is free again. */
void ring_release(struct ring *ring);

/* The same for all but the report read last. */
void ring_release_but_last(struct ring *ring);

/* Goes back to the first report not yet released (the transaction failed). */
void ring_rewind(struct ring *ring);

/*
 * Waits until there is something to read, or MS real milliseconds passed, or
 * ring_wake() was called.
 */
void ring_wait(struct ring *ring, int64_t ms);
void ring_wake(struct ring *ring);

/* Is more than half of the space taken? Then the reader should commit early. */
bool ring_is_pressed(struct ring *ring);

/* Does somebody wait in ring_confirm() for what the reader has not yet released? */
bool ring_is_awaited(struct ring *ring);

void ring_get_status(struct ring *ring, struct ring_status *status);

#endif
