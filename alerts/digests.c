#include "alerts/digests.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/message.h"
#include "store/alert_groups.h"

enum { KEY_SIZE = NAME_SIZE + 16, STATE_SIZE = EPISODE_SIZE + NAME_SIZE + 96 };

static void clear(struct digests *digests)
{
	for (size_t i = 0; i < digests->count; i++)
		free(digests->list[i]);
	digests->count = 0;
}

void digests_free(struct digests *digests)
{
	clear(digests);
	free(digests->list);
	*digests = (struct digests){ .list = NULL };
}

static struct digest *add(struct digests *digests)
{
	if (digests->count == digests->capacity) {
		size_t capacity = digests->capacity ? 2 * digests->capacity : 16;
		struct digest **list =
			realloc(digests->list, capacity * sizeof(struct digest *));

		if (!list)
			return NULL;
		digests->list = list;
		digests->capacity = capacity;
	}
	struct digest *digest = calloc(1, sizeof *digest);
	if (digest)
		digests->list[digests->count++] = digest;
	return digest;
}

struct digest *digests_get(
	struct digests *digests, int audience, const char *area, enum hazard hazard)
{
	for (size_t i = 0; i < digests->count; i++) {
		struct digest *digest = digests->list[i];

		if (digest->audience == audience && digest->hazard == hazard &&
			strcmp(digest->area, area) == 0)
			return digest;
	}
	struct digest *digest = add(digests);
	if (digest) {
		digest->audience = audience;
		digest->hazard = hazard;
		snprintf(digest->area, sizeof digest->area, "%s", area);
	}
	return digest;
}

/* --- the store ----------------------------------------------------------- */

int digest_save(struct store *store, const struct digest *digest)
{
	char key[KEY_SIZE], state[STATE_SIZE];
	bool idle = !digest->standing && digest->due_ms == 0 && digest->told_ms == 0;

	snprintf(key, sizeof key, "%d %d %s", digest->audience, (int)digest->hazard,
		digest->area);
	snprintf(state, sizeof state,
		"%s %d %d %d %" PRId64 " %" PRId64 " %" PRId64 " %s",
		*digest->episode ? digest->episode : "-", digest->revision,
		digest->severity, digest->standing, digest->since_ms, digest->told_ms,
		digest->due_ms, digest->rule);
	return alert_digest_set(store, key, idle ? NULL : state);
}

static bool read_key(const char *key, struct digest *digest)
{
	int audience, hazard, area = 0;

	if (sscanf(key, "%d %d %n", &audience, &hazard, &area) < 2 || area == 0 ||
		hazard < 0 || hazard >= HAZARD_COUNT ||
		strlen(key + area) >= sizeof digest->area)
		return false;
	digest->audience = audience;
	digest->hazard = (enum hazard)hazard;
	memcpy(digest->area, key + area, strlen(key + area) + 1);
	return true;
}

static bool read_state(const char *state, struct digest *digest)
{
	int standing, rule = 0;

	if (sscanf(state, "%39s %d %d %d %" SCNd64 " %" SCNd64 " %" SCNd64 " %n",
		    digest->episode, &digest->revision, &digest->severity, &standing,
		    &digest->since_ms, &digest->told_ms, &digest->due_ms, &rule) < 7 ||
		rule == 0)
		return false;
	snprintf(digest->rule, sizeof digest->rule, "%s", state + rule);
	if (digest->severity < 0 || digest->severity > SEVERITY_EXTREME)
		return false;
	digest->standing = standing;
	if (strcmp(digest->episode, "-") == 0)
		digest->episode[0] = '\0';
	return true;
}

struct loading {
	struct digests *digests;
	bool failed;
};

static void take(void *arg, const char *key, const char *state)
{
	struct loading *loading = arg;
	struct digest read = { .episode = "" };

	/* What cannot be read is nothing to hold on to. */
	if (!read_key(key, &read) || !read_state(state, &read))
		return;
	struct digest *digest = add(loading->digests);
	if (digest)
		*digest = read;
	else
		loading->failed = true;
}

int digests_load(struct digests *digests, struct store *store)
{
	struct loading loading = { .digests = digests };

	clear(digests);
	if (alert_digest_each(store, take, &loading) < 0)
		return -1;
	return loading.failed ? -1 : 0;
}

int digests_shift(
	struct digests *digests, struct store *store, const struct clock_step *step)
{
	for (size_t i = 0; i < digests->count; i++) {
		struct digest *digest = digests->list[i];

		digest->since_ms = clock_after_step(step, digest->since_ms);
		digest->told_ms = clock_after_step(step, digest->told_ms);
		digest->due_ms = clock_after_step(step, digest->due_ms);
		digest->near_ms = clock_after_step(step, digest->near_ms);
		if (digest_save(store, digest) < 0)
			return -1;
	}
	return 0;
}
