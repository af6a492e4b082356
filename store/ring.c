#include "store/ring.h"

#include <errno.h>
#include <string.h>

#include "core/clock.h"
#include "core/thread.h"
#include "store/ring_layout.h"

enum {
	QUIET_LAP = 256 * 1024, /* an idle ring turns round here and stays small */
	WAIT_MS = 100,          /* so that nobody oversleeps the end of waiting */
};

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
	uint64_t oldest = ring_skip_stub(ring, header->oldest);

	if (oldest >= header->tail) {
		header->oldest = (uint64_t)header->tail;
		return false;
	}
	header->oldest = ring_slot_is_plausible(ring, oldest, header->tail)
		? ring_skip_stub(ring, oldest + ring_slot_at(ring, oldest)->length)
		: header->tail;
	return true;
}

static void drop_oldest(struct ring *ring)
{
	struct header *header = ring->header;
	uint64_t tail = ring_skip_stub(ring, header->tail);
	const struct slot *slot = ring_slot_at(ring, tail);

	if (slot->seq && ring->read > tail) {
		ring->risked[ring->risked_count++ % RING_RISKED_MAX] = slot->key;
	} else if (slot->seq) {
		ring->status.dropped++;
		ring_keys_forget(ring->keys, slot->key);
	}
	header->tail = ring_slot_is_plausible(ring, tail, header->head)
		? ring_skip_stub(ring, tail + slot->length)
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
	slot->checksum = ring_slot_checksum(slot);
	ring_write_filler(ring, header->head, place);
	memcpy(ring_slot_at(ring, place), slot, slot->length);
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
	_Alignas(8) uint8_t bytes[RING_SLOT_MAX];
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
	struct slot *slot = (struct slot *)buffer_reserve(&batch->slots, RING_SLOT_MAX);

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
	while (!found && (ring->read = ring_skip_stub(ring, ring->read)) < head) {
		const struct slot *slot = ring_slot_at(ring, ring->read);
		if (!ring_slot_is_plausible(ring, ring->read, head)) {
			ring->read = ring_find_sound(ring, ring->read + 8, head);
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
		ring->risked[0] =
			ring->risked[(ring->risked_count - 1) % RING_RISKED_MAX];
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
	for (size_t i = 0; i < RING_RISKED_MAX && i < ring->risked_count; i++)
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
