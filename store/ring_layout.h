/*
 * The file: one page of header, then the data area. Positions are bytes written
 * since the beginning of time; a position's place in the area is its remainder.
 *
 *     oldest ≤ tail ≤ read ≤ head ≤ oldest + size
 *
 * oldest..tail  released slots, kept as long as nobody needs the room: their keys tell
 *               a redelivered message after a crash
 * tail..head    accepted, not yet stored
 *
 * A slot never wraps: a filler slot takes what is left at the end of the area.
 * Who dies while writing a slot leaves head where it was, so the slot does not exist.
 *
 * For the files of the ring alone.
 */
#ifndef MUABUI_STORE_RING_LAYOUT_H
#define MUABUI_STORE_RING_LAYOUT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/reading.h"
#include "store/codec.h"
#include "store/ring.h"
#include "store/ring_keys.h"

enum {
	RING_HEADER_SIZE = 4096,
	RING_RISKED_MAX = 64,
	RING_BOOTS_MAX = 8, /* remembered: reports wait over one, seldom more */
	RING_SLOT_MAX = 64 + 2 * NAME_SIZE + CODEC_MAX + 8,
};

/*
 * After a power cut any page may be as it was before, slots of an earlier process and lap
 * in it. Their numbers tell them: within a ring numbers only grow, and after a crash they
 * go on so far above that none of what was lost can come again.
 */
#define RING_NUMBER_LEAP (UINT64_C(1) << 32)

/* No ring ever comes so far: what says so is damaged. */
#define RING_NUMBER_LIMIT (UINT64_C(1) << 62)

/*
 * Nor does a slot so far beyond the number that the header has next, even where the
 * header's page is that of a million starts ago: what says so is damaged, whatever its
 * checksum, and to go on behind it would use up the numbers.
 */
#define RING_NUMBER_FAR (UINT64_C(1) << 52)

struct boot {
	uint64_t first_seq; /* of the reports handed over in it; 0: a free place */
	char id[40];
};

struct header {
	char magic[8];
	uint64_t size;
	_Atomic uint64_t oldest, tail, head;
	_Atomic uint64_t next_seq;
	struct boot boots[RING_BOOTS_MAX]; /* the latest first */
	uint64_t in_use; /* since an opening that no close has followed */
};

_Static_assert(sizeof(struct header) <= RING_HEADER_SIZE, "the header is one page");

struct slot {
	uint32_t length;   /* of the slot, a multiple of 8 */
	uint32_t checksum; /* CRC-32 of all that follows */
	uint64_t seq;      /* 0: filler */
	uint64_t key;
	int64_t time_ms;
	int64_t mono_ms;
	uint32_t used; /* bytes of names and packed readings */
	uint8_t station_length;
	uint8_t sensor_length;
	uint8_t spare[2];
	uint8_t data[]; /* station, sensor, readings */
};

struct ring {
	int fd;
	struct header *header;
	uint8_t *area;
	size_t size;
	pthread_mutex_t mutex;
	pthread_cond_t filled; /* for the reader */
	pthread_cond_t room;   /* for writers that wait */
	bool reader_waits, woken, confirm_stored, was_in_use;
	int64_t give_up_ms; /* real time at which writers stop waiting; 0: never */
	uint64_t read;      /* the reader's position */
	uint64_t last_read; /* where the report read last begins */
	uint64_t stored;    /* the reader has released all before it */
	uint64_t awaited;   /* somebody waits for all before it to be stored */
	/*
	 * Slots pushed out while the reader had them in its transaction: kept if that
	 * succeeds, lost if not. The keys of the latest of them.
	 */
	uint64_t risked[RING_RISKED_MAX];
	uint64_t risked_count;
	struct ring_keys *keys;
	struct ring_status status;
};

static inline struct slot *ring_slot_at(const struct ring *ring, uint64_t position)
{
	return (struct slot *)(ring->area + position % ring->size);
}

/* CRC-32 of what follows the checksum in SLOT. */
uint32_t ring_slot_checksum(const struct slot *slot);

/* May its length be believed? Enough for slots that were sound at opening. */
bool ring_slot_is_plausible(const struct ring *ring, uint64_t position, uint64_t limit);

/* The next sound slot at or after POSITION, or HEAD: past what a power cut has torn. */
uint64_t ring_find_sound(const struct ring *ring, uint64_t position, uint64_t head);

/*
 * The end of area holds less than a slot's head: nothing can stand there, and
 * both sides know to go on at the start.
 */
uint64_t ring_skip_stub(const struct ring *ring, uint64_t position);

/* Makes FROM..TO, within one lap, a slot that says nothing. */
void ring_write_filler(struct ring *ring, uint64_t from, uint64_t to);

#endif
