#include "sensors/mqtt_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/thread.h"
#include "store/codec.h"

enum {
	WAITING_MAX = 16,
	TOPIC_SIZE = 640,
	BYTES_MAX = 64,
	TOPICS = 64, /* remembered; a power of two */
	APART_MS = 10 * 1000,
};

struct request {
	char topic[TOPIC_SIZE];
	unsigned char bytes[BYTES_MAX];
	size_t length;
};

struct asker {
	void (*send)(void *arg, const char *topic, const void *bytes, size_t length);
	void *arg;
	pthread_t thread;
	struct bell bell;
	pthread_mutex_t mutex; /* over what follows */
	size_t count;
	struct request waiting[WAITING_MAX];
	struct {
		uint64_t id;
		int64_t asked_ms;
	} topics[TOPICS]; /* by hash; of two in one place the later is remembered */
};

static bool take_next(struct asker *asker, struct request *request)
{
	bool any;

	pthread_mutex_lock(&asker->mutex);
	any = asker->count > 0;
	if (any) {
		*request = asker->waiting[0];
		asker->count--;
		memmove(asker->waiting, asker->waiting + 1,
			asker->count * sizeof *asker->waiting);
	}
	pthread_mutex_unlock(&asker->mutex);
	return any;
}

static void *run(void *arg)
{
	struct asker *asker = arg;
	struct request request;

	while (bell_wait(&asker->bell, -1))
		while (!bell_is_stopping(&asker->bell) && take_next(asker, &request))
			asker->send(
				asker->arg, request.topic, request.bytes, request.length);
	return NULL;
}

struct asker *asker_start(
	void (*send)(void *arg, const char *topic, const void *bytes, size_t length),
	void *arg)
{
	struct asker *asker = calloc(1, sizeof *asker);

	if (!asker)
		return NULL;
	asker->send = send;
	asker->arg = arg;
	bell_init(&asker->bell);
	pthread_mutex_init(&asker->mutex, NULL);
	if (thread_start(&asker->thread, "mqtt-ask", run, asker) == 0)
		return asker;
	bell_free(&asker->bell);
	pthread_mutex_destroy(&asker->mutex);
	free(asker);
	return NULL;
}

void asker_stop(struct asker *asker)
{
	if (!asker)
		return;
	bell_stop(&asker->bell);
	pthread_join(asker->thread, NULL);
}

void asker_free(struct asker *asker)
{
	if (!asker)
		return;
	bell_free(&asker->bell);
	pthread_mutex_destroy(&asker->mutex);
	free(asker);
}

static bool is_too_soon(struct asker *asker, const char *topic)
{
	uint64_t id = codec_hash(0, topic, strlen(topic));
	int64_t now_ms = clock_real_ms();
	size_t at = id % TOPICS;

	if (asker->topics[at].id == id && now_ms - asker->topics[at].asked_ms < APART_MS)
		return true;
	asker->topics[at].id = id;
	asker->topics[at].asked_ms = now_ms;
	return false;
}

void asker_ask(void *opaque, const char *topic, const void *bytes, size_t length)
{
	struct asker *asker = opaque;

	if (!asker || strlen(topic) >= TOPIC_SIZE || length > BYTES_MAX)
		return;
	pthread_mutex_lock(&asker->mutex);
	if (asker->count < WAITING_MAX && !is_too_soon(asker, topic)) {
		struct request *request = &asker->waiting[asker->count++];
		snprintf(request->topic, sizeof request->topic, "%s", topic);
		memcpy(request->bytes, bytes, length);
		request->length = length;
	}
	pthread_mutex_unlock(&asker->mutex);
	bell_ring(&asker->bell);
}
