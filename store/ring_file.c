/* The ring's file: its slots, and what is made of it at opening. */
#include "store/ring_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/thread.h"

static const char magic[8] = "muabuiR1";

/* --- slots ------------------------------------------------------------ */

uint32_t ring_slot_checksum(const struct slot *slot)
{
	const size_t skip = offsetof(struct slot, seq);

	return libdeflate_crc32(
		0, (const uint8_t *)slot + skip, sizeof *slot - skip + slot->used);
}

bool ring_slot_is_plausible(const struct ring *ring, uint64_t position, uint64_t limit)
{
	const struct slot *slot = ring_slot_at(ring, position);
	size_t to_end = ring->size - position % ring->size;

	return to_end >= sizeof *slot && slot->length >= sizeof *slot &&
		slot->length % 8 == 0 && slot->length <= to_end &&
		slot->length <= limit - position &&
		slot->used <= slot->length - sizeof *slot &&
		(size_t)slot->station_length + slot->sensor_length <= slot->used;
}

/* May numbers have come to SEQ, as far as the header knows? */
static bool is_number(const struct header *header, uint64_t seq)
{
	uint64_t next = header->next_seq;

	return seq < (next < RING_NUMBER_LIMIT / 2 ? next + RING_NUMBER_FAR
						   : RING_NUMBER_LIMIT);
}

static bool is_sound(const struct ring *ring, uint64_t position, uint64_t head)
{
	return ring_slot_is_plausible(ring, position, head) &&
		is_number(ring->header, ring_slot_at(ring, position)->seq) &&
		ring_slot_at(ring, position)->checksum ==
		ring_slot_checksum(ring_slot_at(ring, position));
}

uint64_t ring_skip_stub(const struct ring *ring, uint64_t position)
{
	size_t to_end = ring->size - position % ring->size;

	return to_end < sizeof(struct slot) ? position + to_end : position;
}

void ring_write_filler(struct ring *ring, uint64_t from, uint64_t to)
{
	if (to - from < sizeof(struct slot))
		return;
	struct slot *slot = ring_slot_at(ring, from);
	*slot = (struct slot){ .length = (uint32_t)(to - from) };
	slot->checksum = ring_slot_checksum(slot);
}

uint64_t ring_find_sound(const struct ring *ring, uint64_t position, uint64_t head)
{
	while (position < head && !is_sound(ring, position, head))
		position += 8;
	return position < head ? position : head;
}

/* --- opening ---------------------------------------------------------- */

/*
 * Puts a filler over what is torn at AT. Returns where it ends; HEAD when nothing sound
 * is behind it, and then the ring ends at AT.
 */
static uint64_t bridge_torn(struct ring *ring, uint64_t at, uint64_t head)
{
	uint64_t next = ring_find_sound(ring, at + sizeof(struct slot), head);
	uint64_t lap_end = at + ring->size - at % ring->size;

	ring->status.torn++;
	if (next == head) {
		ring->header->head = at;
		return head;
	}
	if (next > lap_end)
		next = lap_end;
	ring_write_filler(ring, at, next);
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

	for (uint64_t at = ring_skip_stub(ring, header->oldest); at < head;) {
		/* A filler may go over what was the tail. */
		if (at >= header->tail && at < tail)
			tail = at;
		if (!is_sound(ring, at, head)) {
			at = ring_skip_stub(ring, bridge_torn(ring, at, head));
			continue;
		}
		struct slot *slot = ring_slot_at(ring, at);
		if (slot->seq > 0 && slot->seq <= highest) {
			ring->status.torn++;
			ring_write_filler(ring, at, at + slot->length);
			continue;
		}
		ring_keys_remember(ring->keys, slot->key);
		if (slot->seq > highest)
			highest = slot->seq;
		if (slot->seq > 0 && at >= header->tail)
			ring->status.recovered++;
		at = ring_skip_stub(ring, at + slot->length);
	}
	if (header->next_seq <= highest || header->next_seq >= RING_NUMBER_LIMIT / 2)
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

	return memcmp(header->magic, magic, sizeof magic) == 0 &&
		head < RING_NUMBER_LIMIT && file_size == RING_HEADER_SIZE + size &&
		size % 4096 == 0 && size > 0 && oldest <= tail && tail <= head &&
		head - oldest <= size && (oldest | tail | head) % 8 == 0;
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

	for (size_t i = 0; i < RING_BOOTS_MAX; i++)
		boots[i].id[sizeof boots[i].id - 1] = '\0';
	snprintf(now.id, sizeof now.id, "%s", clock_boot_id());
	if (boots[0].first_seq > 0 && strcmp(boots[0].id, now.id) == 0)
		return;
	memmove(boots + 1, boots, (RING_BOOTS_MAX - 1) * sizeof *boots);
	boots[0] = now;
}

const char *ring_boot(const struct ring *ring, uint64_t seq)
{
	const struct boot *boots = ring->header->boots;

	for (size_t i = 0; i < RING_BOOTS_MAX && boots[i].first_seq > 0; i++)
		if (seq >= boots[i].first_seq)
			return boots[i].id;
	return "";
}

static int map_file(struct ring *ring, size_t size)
{
	/* Blocks are taken now: a full disk later must not become a SIGBUS. */
	int error = posix_fallocate(ring->fd, 0, (off_t)(RING_HEADER_SIZE + size));
	if (error) {
		errno = error;
		return -1;
	}
	void *map = mmap(NULL, RING_HEADER_SIZE + size, PROT_READ | PROT_WRITE,
		MAP_SHARED, ring->fd, 0);
	if (map == MAP_FAILED)
		return -1;
	ring->header = map;
	ring->area = (uint8_t *)map + RING_HEADER_SIZE;
	ring->size = size;
	return 0;
}

static void unmap_file(struct ring *ring)
{
	if (ring->header)
		munmap(ring->header, RING_HEADER_SIZE + ring->size);
	ring->header = NULL;
}

/*
 * An older run's file, of any size: kept as it is while something waits in it, so
 * a changed ring_size takes effect at the first start with an empty ring.
 */
static int adopt_file(struct ring *ring, size_t file_size, size_t wanted)
{
	if (map_file(ring, file_size - RING_HEADER_SIZE) < 0)
		return -1;
	bool sound = header_is_sound(ring->header, file_size);
	if (sound && (ring->size == wanted || ring->header->tail != ring->header->head))
		return 0;
	uint64_t next_seq = sound ? (uint64_t)ring->header->next_seq : 1;
	if (!sound)
		ring->status.torn++;
	unmap_file(ring);
	if (ftruncate(ring->fd, (off_t)(RING_HEADER_SIZE + wanted)) < 0 ||
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
	if (info.st_size > RING_HEADER_SIZE &&
		(info.st_size - RING_HEADER_SIZE) % 4096 == 0)
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
		ring->header->next_seq += RING_NUMBER_LEAP;
	ring->was_in_use = false;
	pthread_mutex_unlock(&ring->mutex);
	/* Whatever else a power cut takes, numbers do not go back. */
	msync(ring->header, RING_HEADER_SIZE, MS_SYNC);
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
