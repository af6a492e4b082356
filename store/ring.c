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
 */
#include "store/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/thread.h"
#include "store/codec.h"
#include "store/ring_keys.h"

enum {
	HEADER_SIZE = 4096,
	QUIET_LAP = 256 * 1024, /* an idle ring turns round here and stays small */
	RISKED_MAX = 64,
	WAIT_MS = 100, /* so that nobody oversleeps the end of waiting */
	BOOTS_MAX = 8, /* remembered: reports wait over one, seldom more */
	SLOT_MAX = 64 + 2 * NAME_SIZE + CODEC_MAX + 8,
};

static const char magic[8] = "muabuiR1";

/*
 * After a power cut any page may be as it was before, slots of an earlier process and lap
 * in it. Their numbers tell them: within a ring numbers only grow, and after a crash they
 * go on so far above that none of what was lost can come again.
 */
#define NUMBER_LEAP (UINT64_C(1) << 32)

/* No ring ever comes so far: what says so is damaged. */
#define NUMBER_LIMIT (UINT64_C(1) << 62)

struct boot {
	uint64_t first_seq; /* of the reports handed over in it; 0: a free place */
	char id[40];
};

struct header {
	char magic[8];
	uint64_t size;
	_Atomic uint64_t oldest, tail, head;
	_Atomic uint64_t next_seq;
	struct boot boots[BOOTS_MAX]; /* the latest first */
	uint64_t in_use;              /* since an opening that no close has followed */
};

_Static_assert(sizeof(struct header) <= HEADER_SIZE, "the header is one page");

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
	uint64_t risked[RISKED_MAX];
	uint64_t risked_count;
	struct ring_keys *keys;
	struct ring_status status;
};

static struct slot *slot_at(const struct ring *ring, uint64_t position)
{
	return (struct slot *)(ring->area + position % ring->size);
}

static uint32_t slot_checksum(const struct slot *slot)
{
	const size_t skip = offsetof(struct slot, seq);

	return libdeflate_crc32(
		0, (const uint8_t *)slot + skip, sizeof *slot - skip + slot->used);
}

/* May its length be believed? Enough for slots that were sound at opening. */
static bool slot_is_plausible(const struct ring *ring, uint64_t position, uint64_t limit)
{
	const struct slot *slot = slot_at(ring, position);
	size_t to_end = ring->size - position % ring->size;

	return to_end >= sizeof *slot && slot->length >= sizeof *slot &&
		slot->length % 8 == 0 && slot->length <= to_end &&
		slot->length <= limit - position &&
		slot->used <= slot->length - sizeof *slot &&
		(size_t)slot->station_length + slot->sensor_length <= slot->used;
}

static bool slot_is_sound(const struct ring *ring, uint64_t position, uint64_t head)
{
	return slot_is_plausible(ring, position, head) &&
		slot_at(ring, position)->seq < NUMBER_LIMIT &&
		slot_at(ring, position)->checksum ==
		slot_checksum(slot_at(ring, position));
}

/*
 * The end of area holds less than a slot's head: nothing can stand there, and
 * both sides know to go on at the start.
 */
static uint64_t skip_stub(const struct ring *ring, uint64_t position)
{
	size_t to_end = ring->size - position % ring->size;

	return to_end < sizeof(struct slot) ? position + to_end : position;
}

/* Makes FROM..TO, within one lap, a slot that says nothing. */
static void write_filler(struct ring *ring, uint64_t from, uint64_t to)
{
	if (to - from < sizeof(struct slot))
		return;
	struct slot *slot = slot_at(ring, from);
	*slot = (struct slot){ .length = (uint32_t)(to - from) };
	slot->checksum = slot_checksum(slot);
}

/* --- opening ---------------------------------------------------------- */

/* The next sound slot at or after POSITION, or HEAD: past what a power cut has torn. */
static uint64_t find_sound(const struct ring *ring, uint64_t position, uint64_t head)
{
	while (position < head && !slot_is_sound(ring, position, head))
		position += 8;
	return position < head ? position : head;
}

/*
 * Puts a filler over what is torn at AT. Returns where it ends; HEAD when nothing sound
 * is behind it, and then the ring ends at AT.
 */
static uint64_t bridge_torn(struct ring *ring, uint64_t at, uint64_t head)
{
	uint64_t next = find_sound(ring, at + sizeof(struct slot), head);
	uint64_t lap_end = at + ring->size - at % ring->size;

	ring->status.torn++;
	if (next == head) {
		ring->header->head = at;
		return head;
	}
	if (next > lap_end)
		next = lap_end;
	write_filler(ring, at, next);
	return next;
}

/*
 * Walks all that is in the file: counts what waits, learns the keys and the
 * highest sequence number. Torn slots become fillers, so that later walks may
 * trust lengths.
 */
static void take_stock(struct ring *ring)
{
	struct header *header = ring->header;
	uint64_t head = header->head, highest = 0, tail = UINT64_MAX;

	for (uint64_t at = skip_stub(ring, header->oldest); at < head;) {
		/* A filler may go over what was the tail. */
		if (at >= header->tail && at < tail)
			tail = at;
		if (!slot_is_sound(ring, at, head)) {
			at = skip_stub(ring, bridge_torn(ring, at, head));
			continue;
		}
		struct slot *slot = slot_at(ring, at);
		if (slot->seq > 0 && slot->seq <= highest) {
			ring->status.torn++;
			write_filler(ring, at, at + slot->length);
			continue;
		}
		ring_keys_remember(ring->keys, slot->key);
		if (slot->seq > highest)
			highest = slot->seq;
		if (slot->seq > 0 && at >= header->tail)
			ring->status.recovered++;
		at = skip_stub(ring, at + slot->length);
	}
	if (header->next_seq <= highest || header->next_seq >= NUMBER_LIMIT)
		header->next_seq = highest + 1;
	header->tail = tail < header->head ? tail : header->head;
	if (header->oldest > header->tail)
		header->oldest = (uint64_t)header->tail;
	ring->read = ring->stored = header->tail;
}

static bool header_is_sound(const struct header *header, size_t file_size)
{
	uint64_t size = header->size, oldest = header->oldest, tail = header->tail,
		 head = header->head;

	return memcmp(header->magic, magic, sizeof magic) == 0 && head < NUMBER_LIMIT &&
		file_size == HEADER_SIZE + size && size % 4096 == 0 && size > 0 &&
		oldest <= tail && tail <= head && head - oldest <= size &&
		(oldest | tail | head) % 8 == 0;
}

static void header_begin(struct ring *ring, uint64_t last_seq)
{
	memset(ring->header, 0, sizeof *ring->header);
	memcpy(ring->header->magic, magic, sizeof magic);
	ring->header->size = ring->size;
	ring->header->next_seq = last_seq + 1;
}

/* Notes where the reports of this boot begin. */
static void note_boot(struct ring *ring)
{
	struct boot *boots = ring->header->boots;
	struct boot now = { .first_seq = ring->header->next_seq };

	for (size_t i = 0; i < BOOTS_MAX; i++)
		boots[i].id[sizeof boots[i].id - 1] = '\0';
	snprintf(now.id, sizeof now.id, "%s", clock_boot_id());
	if (boots[0].first_seq > 0 && strcmp(boots[0].id, now.id) == 0)
		return;
	memmove(boots + 1, boots, (BOOTS_MAX - 1) * sizeof *boots);
	boots[0] = now;
}

const char *ring_boot(const struct ring *ring, uint64_t seq)
{
	const struct boot *boots = ring->header->boots;

	for (size_t i = 0; i < BOOTS_MAX && boots[i].first_seq > 0; i++)
		if (seq >= boots[i].first_seq)
			return boots[i].id;
	return "";
}

static int map_file(struct ring *ring, size_t size)
{
	/* Blocks are taken now: a full disk later must not become a SIGBUS. */
	int error = posix_fallocate(ring->fd, 0, (off_t)(HEADER_SIZE + size));
	if (error) {
		errno = error;
		return -1;
	}
	void *map = mmap(NULL, HEADER_SIZE + size, PROT_READ | PROT_WRITE, MAP_SHARED,
		ring->fd, 0);
	if (map == MAP_FAILED)
		return -1;
	ring->header = map;
	ring->area = (uint8_t *)map + HEADER_SIZE;
	ring->size = size;
	return 0;
}

static void unmap_file(struct ring *ring)
{
	if (ring->header)
		munmap(ring->header, HEADER_SIZE + ring->size);
	ring->header = NULL;
}

/*
 * An older run's file, of any size: kept as it is while something waits in it, so
 * a changed ring_size takes effect at the first start with an empty ring.
 */
static int adopt_file(struct ring *ring, size_t file_size, size_t wanted)
{
	if (map_file(ring, file_size - HEADER_SIZE) < 0)
		return -1;
	bool sound = header_is_sound(ring->header, file_size);
	if (sound && (ring->size == wanted || ring->header->tail != ring->header->head))
		return 0;
	uint64_t next_seq = sound ? (uint64_t)ring->header->next_seq : 1;
	if (!sound)
		ring->status.torn++;
	unmap_file(ring);
	if (ftruncate(ring->fd, (off_t)(HEADER_SIZE + wanted)) < 0 ||
		map_file(ring, wanted) < 0)
		return -1;
	header_begin(ring, next_seq - 1);
	return 0;
}

static int open_file(struct ring *ring, const char *path, size_t size)
{
	struct stat info;

	ring->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (ring->fd < 0 || flock(ring->fd, LOCK_EX | LOCK_NB) < 0 ||
		fstat(ring->fd, &info) < 0)
		return -1;
	if (info.st_size > HEADER_SIZE && (info.st_size - HEADER_SIZE) % 4096 == 0)
		return adopt_file(ring, (size_t)info.st_size, size);
	if (ftruncate(ring->fd, 0) < 0 || map_file(ring, size) < 0)
		return -1;
	header_begin(ring, 0);
	return 0;
}

static void free_ring(struct ring *ring)
{
	ring_keys_free(ring->keys);
	free(ring);
}

struct ring *ring_open(const char *path, size_t size, char *why, size_t why_size)
{
	struct ring *ring = calloc(1, sizeof *ring);
	pthread_condattr_t attributes;

	if (ring)
		ring->keys = ring_keys_new();
	if (!ring || !ring->keys) {
		snprintf(why, why_size, "out of memory");
		if (ring)
			free_ring(ring);
		return NULL;
	}
	size = (size + 4095) / 4096 * 4096;
	if (open_file(ring, path, size) < 0) {
		snprintf(why, why_size, "%s: %s", path,
			errno == EWOULDBLOCK ? "in use by another muabui"
					     : strerror(errno));
		unmap_file(ring);
		if (ring->fd >= 0)
			close(ring->fd);
		free_ring(ring);
		return NULL;
	}
	pthread_mutex_init(&ring->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&ring->filled, &attributes);
	pthread_cond_init(&ring->room, &attributes);
	pthread_condattr_destroy(&attributes);
	take_stock(ring);
	note_boot(ring);
	ring->was_in_use = ring->header->in_use != 0;
	ring->header->in_use = 1;
	return ring;
}

void ring_number_after(struct ring *ring, uint64_t last_seq)
{
	pthread_mutex_lock(&ring->mutex);
	/* The ring is behind the store: its own end was lost. */
	bool is_behind = ring->header->next_seq <= last_seq;
	if (is_behind)
		ring->header->next_seq = last_seq + 1;
	if (is_behind || ring->was_in_use)
		ring->header->next_seq += NUMBER_LEAP;
	ring->was_in_use = false;
	pthread_mutex_unlock(&ring->mutex);
	/* Whatever else a power cut takes, numbers do not go back. */
	msync(ring->header, HEADER_SIZE, MS_SYNC);
}

void ring_close(struct ring *ring)
{
	if (!ring)
		return;
	ring->header->in_use = 0;
	unmap_file(ring);
	close(ring->fd);
	pthread_cond_destroy(&ring->room);
	pthread_cond_destroy(&ring->filled);
	pthread_mutex_destroy(&ring->mutex);
	free_ring(ring);
}

/* --- writing ---------------------------------------------------------- */

/* Packs REPORT as a slot without its sequence number. */
static void make_slot(struct slot *slot, const struct report *report, uint64_t key)
{
	size_t station = strlen(report->station), sensor = strlen(report->sensor);

	*slot = (struct slot){
		.key = key,
		.time_ms = report->time_ms,
		.mono_ms = report->mono_ms,
		.station_length = (uint8_t)station,
		.sensor_length = (uint8_t)sensor,
	};
	memcpy(slot->data, report->station, station);
	memcpy(slot->data + station, report->sensor, sensor);
	size_t packed = codec_pack(report, slot->data + station + sensor);
	slot->used = (uint32_t)(station + sensor + packed);
	slot->length = (uint32_t)((sizeof *slot + slot->used + 7) / 8 * 8);
}

/* Where a slot of LENGTH bytes would go, leaving out the end of area it does not fit in.
 */
static uint64_t place_for(const struct ring *ring, size_t length)
{
	uint64_t head = ring->header->head;
	size_t at = head % ring->size, to_end = ring->size - at;

	if (to_end < length)
		return head + to_end;
	if (at >= QUIET_LAP && head == ring->header->tail)
		return head + to_end; /* all is stored: stay in the same few pages */
	return head;
}

/* Gives up the oldest slot in the file; false when that one is not stored yet. */
static bool forget_oldest(struct ring *ring)
{
	struct header *header = ring->header;
	uint64_t oldest = skip_stub(ring, header->oldest);

	if (oldest >= header->tail) {
		header->oldest = (uint64_t)header->tail;
		return false;
	}
	header->oldest = slot_is_plausible(ring, oldest, header->tail)
		? skip_stub(ring, oldest + slot_at(ring, oldest)->length)
		: header->tail;
	return true;
}

static void drop_oldest(struct ring *ring)
{
	struct header *header = ring->header;
	uint64_t tail = skip_stub(ring, header->tail);
	const struct slot *slot = slot_at(ring, tail);

	if (slot->seq && ring->read > tail) {
		ring->risked[ring->risked_count++ % RISKED_MAX] = slot->key;
	} else if (slot->seq) {
		ring->status.dropped++;
		ring_keys_forget(ring->keys, slot->key);
	}
	header->tail = slot_is_plausible(ring, tail, header->head)
		? skip_stub(ring, tail + slot->length)
		: header->head;
	if (ring->read < header->tail)
		ring->read = header->tail;
}

/* Makes room up to END, or says that there is none. */
static bool make_room(struct ring *ring, uint64_t end, enum ring_full full)
{
	struct header *header = ring->header;

	while (end - header->oldest > ring->size) {
		if (forget_oldest(ring))
			continue;
		if (header->tail == header->head)
			header->oldest = header->tail = ring->read =
				(uint64_t)header->head;
		if (end - header->oldest <= ring->size)
			break;
		if (full == RING_WAIT || header->tail == header->head)
			return false;
		drop_oldest(ring);
	}
	return true;
}

/* Waits for the reader to release something. False: it is time to give up. */
static bool wait_for_release(struct ring *ring)
{
	struct timespec deadline = clock_deadline(WAIT_MS);

	if (ring->give_up_ms && clock_real_ms() >= ring->give_up_ms)
		return false;
	pthread_cond_timedwait(&ring->room, &ring->mutex, &deadline);
	return true;
}

/* Under the mutex. False: writers are to give up. */
static bool put_slot(struct ring *ring, struct slot *slot, enum ring_full full)
{
	struct header *header = ring->header;
	uint64_t place;

	while (place = place_for(ring, slot->length),
		!make_room(ring, place + slot->length, full)) {
		if (!wait_for_release(ring))
			return false;
	}
	slot->seq = header->next_seq;
	slot->checksum = slot_checksum(slot);
	write_filler(ring, header->head, place);
	memcpy(slot_at(ring, place), slot, slot->length);
	header->next_seq = slot->seq + 1;
	/* Last of all: from here on the slot is there, whatever happens to us. */
	atomic_store_explicit(&header->head, place + slot->length, memory_order_release);
	ring_keys_remember(ring->keys, slot->key);
	ring->status.accepted++;
	return true;
}

static void tell_reader(struct ring *ring)
{
	if (ring->reader_waits) {
		ring->reader_waits = false;
		pthread_cond_signal(&ring->filled);
	}
}

bool ring_push(
	struct ring *ring, const struct report *report, uint64_t key, enum ring_full full)
{
	_Alignas(8) uint8_t bytes[SLOT_MAX];
	struct slot *slot = (struct slot *)bytes;

	make_slot(slot, report, key);
	if (slot->length > ring->size / 2)
		return false;
	pthread_mutex_lock(&ring->mutex);
	bool accepted = put_slot(ring, slot, full);
	if (accepted)
		tell_reader(ring);
	pthread_mutex_unlock(&ring->mutex);
	return accepted;
}

bool ring_has_key(struct ring *ring, uint64_t key)
{
	pthread_mutex_lock(&ring->mutex);
	bool found = ring_keys_has(ring->keys, key);
	pthread_mutex_unlock(&ring->mutex);
	return found;
}

void ring_confirm_stored(struct ring *ring)
{
	ring->confirm_stored = true;
}

bool ring_confirm(struct ring *ring)
{
	bool waits = true;

	if (!ring->confirm_stored)
		return true;
	pthread_mutex_lock(&ring->mutex);
	uint64_t lost = ring->status.dropped, end = ring->header->head;
	if (ring->stored < end && ring->awaited < end) {
		ring->awaited = end;
		ring->woken = true;
		pthread_cond_signal(&ring->filled);
	}
	while (ring->stored < end && ring->status.dropped == lost && waits)
		waits = wait_for_release(ring);
	bool kept = ring->stored >= end && ring->status.dropped == lost;
	pthread_mutex_unlock(&ring->mutex);
	return kept;
}

/* --- batches ---------------------------------------------------------- */

void ring_batch_init(struct ring_batch *batch, size_t limit)
{
	batch->count = 0;
	buffer_init(&batch->slots, limit);
}

void ring_batch_free(struct ring_batch *batch)
{
	batch->count = 0;
	buffer_free(&batch->slots);
}

void ring_batch_clear(struct ring_batch *batch)
{
	batch->count = 0;
	buffer_clear(&batch->slots);
}

bool ring_batch_add(struct ring_batch *batch, const struct report *report, uint64_t key)
{
	struct slot *slot = (struct slot *)buffer_reserve(&batch->slots, SLOT_MAX);

	if (!slot)
		return false;
	make_slot(slot, report, key);
	buffer_advance(&batch->slots, slot->length);
	batch->count++;
	return true;
}

size_t ring_push_batch(struct ring *ring, const struct ring_batch *batch, size_t *known)
{
	size_t accepted = 0, at = 0;

	*known = 0;
	pthread_mutex_lock(&ring->mutex);
	for (size_t i = 0; i < batch->count; i++) {
		struct slot *slot = (struct slot *)(batch->slots.data + at);
		size_t length = slot->length;
		at += length;
		if (ring_keys_has(ring->keys, slot->key)) {
			++*known;
			continue;
		}
		if (length > ring->size / 2 || !put_slot(ring, slot, RING_WAIT))
			break;
		/* Where it has to wait for room, somebody must make it. */
		tell_reader(ring);
		accepted++;
	}
	pthread_mutex_unlock(&ring->mutex);
	return accepted;
}

void ring_stop_waiting(struct ring *ring, int64_t ms)
{
	pthread_mutex_lock(&ring->mutex);
	ring->give_up_ms = clock_real_ms() + ms;
	pthread_cond_broadcast(&ring->room);
	pthread_mutex_unlock(&ring->mutex);
}

/* --- reading ---------------------------------------------------------- */

/* The slots are our own and sound, but the file may be written to by anyone. */
static bool take_slot(const struct slot *slot, struct report *report)
{
	size_t names = (size_t)slot->station_length + slot->sensor_length;

	if (slot->station_length >= NAME_SIZE || slot->sensor_length >= NAME_SIZE)
		return false;
	memcpy(report->station, slot->data, slot->station_length);
	report->station[slot->station_length] = '\0';
	memcpy(report->sensor, slot->data + slot->station_length, slot->sensor_length);
	report->sensor[slot->sensor_length] = '\0';
	report->time_ms = slot->time_ms;
	report->mono_ms = slot->mono_ms;
	return codec_unpack(report, slot->data + names, slot->used - names);
}

bool ring_next(struct ring *ring, struct report *report, uint64_t *seq)
{
	bool found = false;

	pthread_mutex_lock(&ring->mutex);
	uint64_t head = ring->header->head;
	while (!found && (ring->read = skip_stub(ring, ring->read)) < head) {
		const struct slot *slot = slot_at(ring, ring->read);
		if (!slot_is_plausible(ring, ring->read, head)) {
			ring->read = find_sound(ring, ring->read + 8, head);
			ring->status.torn++;
			continue;
		}
		*seq = slot->seq;
		ring->last_read = ring->read;
		found = slot->seq && take_slot(slot, report);
		ring->read += slot->length;
	}
	pthread_mutex_unlock(&ring->mutex);
	return found;
}

static void release_up_to(struct ring *ring, const uint64_t *position)
{
	pthread_mutex_lock(&ring->mutex);
	/* Writers may have pushed the tail on already. */
	if (*position > ring->header->tail)
		ring->header->tail = *position;
	else if (*position < ring->header->tail && ring->risked_count > 0)
		ring->risked[0] = ring->risked[(ring->risked_count - 1) % RISKED_MAX];
	/* Only the last one can be the reader's own still. */
	ring->risked_count =
		ring->risked_count > 0 && *position < ring->header->tail ? 1 : 0;
	if (*position > ring->stored)
		ring->stored = *position;
	pthread_cond_broadcast(&ring->room);
	pthread_mutex_unlock(&ring->mutex);
}

void ring_release(struct ring *ring)
{
	release_up_to(ring, &ring->read);
}

void ring_release_but_last(struct ring *ring)
{
	release_up_to(ring, &ring->last_read);
}

void ring_rewind(struct ring *ring)
{
	pthread_mutex_lock(&ring->mutex);
	ring->read = ring->header->tail;
	ring->status.dropped += ring->risked_count;
	for (size_t i = 0; i < RISKED_MAX && i < ring->risked_count; i++)
		ring_keys_forget(ring->keys, ring->risked[i]);
	ring->risked_count = 0;
	pthread_mutex_unlock(&ring->mutex);
}

void ring_wait(struct ring *ring, int64_t ms)
{
	struct timespec deadline = clock_deadline(ms);
	int error = 0;

	pthread_mutex_lock(&ring->mutex);
	while (ring->read >= ring->header->head && !ring->woken && error != ETIMEDOUT) {
		ring->reader_waits = true;
		error = pthread_cond_timedwait(&ring->filled, &ring->mutex, &deadline);
	}
	ring->reader_waits = ring->woken = false;
	pthread_mutex_unlock(&ring->mutex);
}

void ring_wake(struct ring *ring)
{
	pthread_mutex_lock(&ring->mutex);
	ring->woken = true;
	pthread_cond_signal(&ring->filled);
	pthread_mutex_unlock(&ring->mutex);
}

bool ring_is_pressed(struct ring *ring)
{
	return ring->header->head - ring->header->tail > ring->size / 2;
}

bool ring_is_awaited(struct ring *ring)
{
	pthread_mutex_lock(&ring->mutex);
	bool is_awaited = ring->awaited > ring->stored;
	pthread_mutex_unlock(&ring->mutex);
	return is_awaited;
}

void ring_get_status(struct ring *ring, struct ring_status *status)
{
	pthread_mutex_lock(&ring->mutex);
	*status = ring->status;
	status->used = ring->header->head - ring->header->tail;
	status->size = ring->size;
	pthread_mutex_unlock(&ring->mutex);
}
