#include "web/events.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/thread.h"
#include "web/event_list.h"
#include "web/query.h"
#include "web/respond.h"
#include "web/watcher.h"

enum {
	STREAMS_MAX = 2000,
	TURN_MS = 1000,
	COMMENT_MS = 20000, /* so that dead connections are found, and live ones kept */
	PIECE = 2048,       /* bytes that are sent at once; each stream has such a room */
	FULL_RETRY_S = 60,
	SOCKET_BYTES = 64 << 10, /* that wait in the kernel for one who is slow */
};

/* The browser waits so long before it comes again. */
static const char greeting[] = "retry: 5000\n\n";

struct stream {
	struct events *events;
	struct MHD_Connection *connection;
	struct stream *before, *after;
	bool sleeps;
	size_t greeted; /* bytes of the greeting that were sent */
	struct event_place place;
};

struct events {
	const struct gateway_view *view;
	struct watcher *watcher; /* the thread's */
	pthread_t thread;
	struct bell bell;
	int64_t began_ms; /* what the ids of this run begin with */

	pthread_mutex_t mutex; /* over the rest */
	bool is_closed;
	struct stream *streams;
	size_t count;
	struct event_list list;
};

/* --- streams, in the server's threads --------------------------------------------------
 */

static ssize_t greet(struct stream *stream, char *out, size_t size)
{
	size_t length = sizeof greeting - 1 - stream->greeted;

	if (length > size)
		length = size;
	memcpy(out, greeting + stream->greeted, length);
	stream->greeted += length;
	return (ssize_t)length;
}

static ssize_t read_stream(void *arg, uint64_t position, char *out, size_t size)
{
	struct stream *stream = arg;
	struct events *events = stream->events;
	ssize_t taken;

	(void)position;
	if (stream->greeted < sizeof greeting - 1)
		return greet(stream, out, size);
	pthread_mutex_lock(&events->mutex);
	if (events->is_closed || event_list_is_behind(&events->list, &stream->place)) {
		taken = WEB_STREAM_END;
	} else {
		taken = (ssize_t)event_list_take(
			&events->list, &stream->place, out, size);
		stream->sleeps = taken == 0;
		if (stream->sleeps)
			MHD_suspend_connection(stream->connection);
	}
	pthread_mutex_unlock(&events->mutex);
	return taken;
}

static void free_stream(void *arg)
{
	struct stream *stream = arg;
	struct events *events = stream->events;

	pthread_mutex_lock(&events->mutex);
	if (stream->before)
		stream->before->after = stream->after;
	else
		events->streams = stream->after;
	if (stream->after)
		stream->after->before = stream->before;
	events->count--;
	pthread_mutex_unlock(&events->mutex);
	free(stream);
}

/* Is LAST ("BEGAN-NUMBER") of this run, and is what came after it still there? */
static bool goes_on(const struct events *events, const char *last, uint64_t *next)
{
	char *end;

	if (!last || strlen(last) > 60 ||
		strtoll(last, &end, 10) != (long long)events->began_ms || *end != '-' ||
		end[1] < '0' || end[1] > '9')
		return false;
	*next = strtoull(end + 1, &end, 10) + 1;
	return *end == '\0' && *next >= events->list.first && *next <= events->list.next;
}

/* Adds STREAM. False: there are too many. */
static bool enter(struct events *events, struct stream *stream, const char *last)
{
	pthread_mutex_lock(&events->mutex);
	bool enters = events->count < STREAMS_MAX && !events->is_closed;
	if (enters) {
		if (!goes_on(events, last, &stream->place.next))
			stream->place.next = events->list.next;
		stream->after = events->streams;
		if (stream->after)
			stream->after->before = stream;
		events->streams = stream;
		events->count++;
	}
	bool is_first = events->count == 1;
	pthread_mutex_unlock(&events->mutex);
	if (enters && is_first)
		bell_ring(&events->bell);
	return enters;
}

/* Left alone, the kernel would heap up megabytes for each who does not read. */
static void keep_small(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	int size = SOCKET_BYTES;

	if (info)
		setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

void events_handle(const struct web_request *request, struct web_reply *reply)
{
	struct events *events = request->events;
	struct MHD_Connection *connection = (struct MHD_Connection *)request->connection;
	struct stream *stream = calloc(1, sizeof *stream);

	if (!stream) {
		web_problem(reply, 503, "There is no memory for one more stream.");
		return;
	}
	stream->events = events;
	stream->connection = connection;
	stream->place.language = request->language;
	if (!query_text(request, reply, "station", stream->place.station, NAME_SIZE)) {
		free(stream);
		return;
	}
	if (!enter(events, stream, respond_header(connection, "Last-Event-ID"))) {
		free(stream);
		web_problem(reply, 503, "There are as many streams as there may be.");
		reply->retry_after_s = FULL_RETRY_S;
		return;
	}
	keep_small(connection);
	reply->type = "text/event-stream";
	reply->stream = (struct web_stream){
		.read = read_stream,
		.free = free_stream,
		.arg = stream,
		.piece = PIECE,
	};
}

static size_t count_streams(struct events *events)
{
	pthread_mutex_lock(&events->mutex);
	size_t count = events->count;
	pthread_mutex_unlock(&events->mutex);
	return count;
}

/* --- the thread ------------------------------------------------------------------------
 */

static void tell(void *arg, const char *station, int language, const struct buffer *text)
{
	struct events *events = arg;
	struct buffer whole;

	buffer_init(&whole, text->length + 80);
	pthread_mutex_lock(&events->mutex);
	buffer_append(&whole, buffer_text(text), text->length);
	buffer_printf(&whole, "\nid: %" PRId64 "-%" PRIu64 "\n\n", events->began_ms,
		events->list.next);
	if (!text->failed)
		event_list_add(&events->list, station, language, &whole);
	pthread_mutex_unlock(&events->mutex);
	buffer_free(&whole);
}

static void comment(struct events *events)
{
	struct buffer text;

	buffer_init(&text, 16);
	buffer_puts(&text, ":\n\n");
	pthread_mutex_lock(&events->mutex);
	event_list_add(&events->list, "", -1, &text);
	pthread_mutex_unlock(&events->mutex);
	buffer_free(&text);
}

/* Wakes the streams for which there is something; ALL of them where they are to end. */
static void wake(struct events *events, bool all)
{
	pthread_mutex_lock(&events->mutex);
	for (struct stream *stream = events->streams; stream; stream = stream->after) {
		if (!stream->sleeps ||
			!(all || event_list_is_behind(&events->list, &stream->place) ||
				event_list_has(&events->list, &stream->place)))
			continue;
		stream->sleeps = false;
		MHD_resume_connection(stream->connection);
	}
	pthread_mutex_unlock(&events->mutex);
}

/* While somebody listens. */
static void serve(struct events *events)
{
	int64_t comment_ms = clock_real_ms() + COMMENT_MS;

	watcher_begin(events->watcher);
	while (count_streams(events) > 0 && bell_wait(&events->bell, TURN_MS)) {
		int64_t now_ms = clock_real_ms();
		watcher_look(events->watcher, now_ms, tell, events);
		if (now_ms >= comment_ms) {
			comment(events);
			comment_ms = now_ms + COMMENT_MS;
		}
		wake(events, false);
	}
}

static void *run(void *arg)
{
	struct events *events = arg;

	while (bell_wait(&events->bell, -1))
		serve(events);
	return NULL;
}

/* --- start and stop --------------------------------------------------------------------
 */

struct events *events_start(const struct gateway_view *view, struct readers *readers)
{
	struct events *events = calloc(1, sizeof *events);

	if (!events)
		return NULL;
	events->view = view;
	events->began_ms = clock_real_ms() + view->started_ms;
	events->watcher = watcher_new(view, readers);
	pthread_mutex_init(&events->mutex, NULL);
	bell_init(&events->bell);
	if (events->watcher && thread_start(&events->thread, "events", run, events) == 0)
		return events;
	log_error("web: the thread for events cannot be started");
	watcher_free(events->watcher);
	pthread_mutex_destroy(&events->mutex);
	bell_free(&events->bell);
	free(events);
	return NULL;
}

void events_close(struct events *events)
{
	if (!events)
		return;
	bell_stop(&events->bell);
	pthread_join(events->thread, NULL);
	pthread_mutex_lock(&events->mutex);
	events->is_closed = true;
	pthread_mutex_unlock(&events->mutex);
	wake(events, true);
}

void events_free(struct events *events)
{
	if (!events)
		return;
	event_list_free(&events->list);
	watcher_free(events->watcher);
	pthread_mutex_destroy(&events->mutex);
	bell_free(&events->bell);
	free(events);
}
