#include "store/desk.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

struct desk {
	pthread_mutex_t mutex;
	atomic_size_t count; /* of silences; written under the mutex */
	struct silence *silences;
	size_t capacity;
	/* A ring, made when it is needed: the newest are of episodes that go on. */
	atomic_size_t acknowledged;
	struct acknowledgement *acknowledgements;
};

struct desk *desk_new(void)
{
	struct desk *desk = calloc(1, sizeof *desk);

	if (desk)
		pthread_mutex_init(&desk->mutex, NULL);
	return desk;
}

void desk_free(struct desk *desk)
{
	if (!desk)
		return;
	pthread_mutex_destroy(&desk->mutex);
	free(desk->silences);
	free(desk->acknowledgements);
	free(desk);
}

/* Those who only ask have it const. */
static void lock(const struct desk *desk)
{
	pthread_mutex_lock((pthread_mutex_t *)&desk->mutex);
}

static void unlock(const struct desk *desk)
{
	pthread_mutex_unlock((pthread_mutex_t *)&desk->mutex);
}

/* --- silences ----------------------------------------------------------- */

static void forget_ended(struct desk *desk, int64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < desk->count; i++)
		if (desk->silences[i].until_ms > now_ms)
			desk->silences[kept++] = desk->silences[i];
	desk->count = kept;
}

static bool make_room(struct desk *desk)
{
	size_t capacity = desk->capacity ? 2 * desk->capacity : 8;

	if (desk->count < desk->capacity)
		return true;
	if (capacity > DESK_SILENCES_MAX)
		return false;
	struct silence *silences = realloc(desk->silences, capacity * sizeof *silences);
	if (!silences)
		return false;
	desk->silences = silences;
	desk->capacity = capacity;
	return true;
}

static void take_silence(void *arg, const struct silence *silence)
{
	struct desk *desk = arg;

	if (make_room(desk)) {
		desk->silences[desk->count++] = *silence;
		return;
	}
	if (desk->count == 0)
		return;
	struct silence *place = &desk->silences[0];
	/* Before the clock is set many that have ended seem to be in force. */
	for (size_t i = 1; i < desk->count; i++)
		if (desk->silences[i].until_ms < place->until_ms)
			place = &desk->silences[i];
	if (place->until_ms < silence->until_ms)
		*place = *silence;
}

bool desk_silence(struct desk *desk, const struct silence *silence)
{
	lock(desk);
	forget_ended(desk, silence->since_ms);
	bool room = make_room(desk);
	if (room)
		take_silence(desk, silence);
	unlock(desk);
	return room;
}

size_t desk_in_force(const struct desk *desk, int64_t now_ms)
{
	size_t in_force = 0;

	if (!desk_has_silences(desk))
		return 0;
	lock(desk);
	for (size_t i = 0; i < desk->count; i++)
		in_force += desk->silences[i].until_ms > now_ms;
	unlock(desk);
	return in_force;
}

bool desk_unsilence(struct desk *desk, int64_t id, int64_t now_ms)
{
	bool found = false;

	lock(desk);
	for (size_t i = 0; i < desk->count; i++) {
		struct silence *silence = &desk->silences[i];

		if (silence->id != id || silence->until_ms <= now_ms)
			continue;
		silence->until_ms = now_ms;
		found = true;
	}
	forget_ended(desk, now_ms);
	unlock(desk);
	return found;
}

static bool fits(const char *wanted, const char *name)
{
	return !*wanted || strcmp(wanted, name) == 0;
}

int64_t desk_covers(const struct desk *desk, const char *rule, const char *station,
	const char *area, int64_t now_ms)
{
	int64_t id = 0;

	if (!desk_has_silences(desk))
		return 0;
	lock(desk);
	for (size_t i = 0; i < desk->count && id == 0; i++) {
		const struct silence *silence = &desk->silences[i];

		if (silence->until_ms > now_ms && fits(silence->rule, rule) &&
			fits(silence->station, station) && fits(silence->area, area))
			id = silence->id;
	}
	unlock(desk);
	return id;
}

bool desk_has_silences(const struct desk *desk)
{
	return desk && atomic_load(&desk->count) > 0;
}

/* --- acknowledgements --------------------------------------------------- */

static void take_acknowledgement(void *arg, const struct acknowledgement *acknowledgement)
{
	struct desk *desk = arg;

	if (!desk->acknowledgements)
		desk->acknowledgements =
			calloc(DECISIONS_KEPT, sizeof *desk->acknowledgements);
	if (!desk->acknowledgements)
		return; /* reminders go on */
	desk->acknowledgements[desk->acknowledged % DECISIONS_KEPT] = *acknowledgement;
	desk->acknowledged++;
}

static const struct acknowledgement *find(const struct desk *desk, const char *episode)
{
	size_t count =
		desk->acknowledged < DECISIONS_KEPT ? desk->acknowledged : DECISIONS_KEPT;

	for (size_t i = 0; i < count; i++)
		if (strcmp(desk->acknowledgements[i].episode, episode) == 0)
			return &desk->acknowledgements[i];
	return NULL;
}

void desk_acknowledge(struct desk *desk, const struct acknowledgement *acknowledgement)
{
	lock(desk);
	if (!find(desk, acknowledgement->episode))
		take_acknowledgement(desk, acknowledgement);
	unlock(desk);
}

bool desk_acknowledged(
	const struct desk *desk, const char *episode, struct acknowledgement *out)
{
	if (!desk || atomic_load(&desk->acknowledged) == 0)
		return false;
	lock(desk);
	const struct acknowledgement *found = find(desk, episode);
	if (found && out)
		*out = *found;
	unlock(desk);
	return found != NULL;
}

/* --- opening ------------------------------------------------------------ */

int desk_open(struct desk *desk, struct store *store)
{
	lock(desk);
	desk->count = 0;
	desk->acknowledged = 0;
	int result = decisions_each_silence(store, clock_wall_ms(), take_silence, desk);
	if (decisions_each_acknowledgement(store, take_acknowledgement, desk) < 0)
		result = -1;
	unlock(desk);
	return result;
}
