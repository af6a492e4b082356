#include "sensors/inbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "store/codec.h"
#include "store/ring.h"

enum {
	PRESENCES_MAX = 1024, /* devices that are away at one time and known by name */
	SAY_AGAIN_MS = 10 * 60 * 1000, /* one that comes and goes */
};

struct presence_entry {
	uint64_t id; /* hash of who it is, 0: free */
	bool is_away;
	bool was_said; /* that it is away */
	int64_t said_ms;
};

struct presences {
	size_t count; /* entries that were used */
	struct presence_entry entries[PRESENCES_MAX];
};

/* --- topics ------------------------------------------------------------ */

bool inbox_topic_matches(const char *filter, const char *topic)
{
	/* Wildcards do not match what the broker says about itself. */
	if (*topic == '$' && (*filter == '+' || *filter == '#'))
		return false;
	for (;;) {
		size_t want = strcspn(filter, "/"), have = strcspn(topic, "/");

		if (want == 1 && *filter == '#')
			return true;
		if (!(want == 1 && *filter == '+') &&
			(want != have || memcmp(filter, topic, want) != 0))
			return false;
		filter += want;
		topic += have;
		if (*filter == '\0' || *topic == '\0')
			break;
		filter++;
		topic++;
	}
	/* "a/#" matches "a" too. */
	return *topic == '\0' && (*filter == '\0' || strcmp(filter, "/#") == 0);
}

/* What the NUMBER-th + (from 1) of FILTER matched in TOPIC. */
static bool find_plus(const char *filter, const char *topic, int number,
	const char **match, size_t *length)
{
	for (;;) {
		size_t want = strcspn(filter, "/"), have = strcspn(topic, "/");

		if (want == 1 && *filter == '+' && --number == 0) {
			*match = topic;
			*length = have;
			return true;
		}
		filter += want;
		topic += have;
		if (*filter == '\0' || *topic == '\0')
			return false;
		filter++;
		topic++;
	}
}

bool inbox_name(const char *template, const char *filter, const char *topic,
	const char *device, char name[static NAME_SIZE])
{
	size_t at = 0;

	while (*template) {
		const char *piece = template;
		size_t length = 1;

		if (template[0] == '{' && template[1] >= '1' && template[1] <= '9' &&
			template[2] == '}') {
			if (!find_plus(filter, topic, template[1] - '0', &piece, &length))
				return false;
			template += 2;
		} else if (strncmp(template, "{device}", 8) == 0) {
			piece = device;
			length = strlen(device);
			if (length == 0)
				return false;
			template += 7;
		}
		template ++;
		if (length >= NAME_SIZE - at)
			return false;
		memcpy(name + at, piece, length);
		at += length;
	}
	name[at] = '\0';
	return name_is_valid(name, at);
}

/* --- who is there --------------------------------------------------------- */

void inbox_note(struct inbox *inbox, enum sensor_result result, const char *detail)
{
	pthread_mutex_lock(&inbox->mutex);
	sensor_note(inbox->sensor, result, detail);
	pthread_mutex_unlock(&inbox->mutex);
}

/* The entry of WHO; a device that was never away needs none, and gets NULL. */
static struct presence_entry *find_entry(
	struct presences *presences, const char *who, bool is_away)
{
	uint64_t id = codec_hash(0, who, strlen(who));
	struct presence_entry *free_one = NULL;

	for (size_t i = 0; i < presences->count; i++) {
		struct presence_entry *entry = &presences->entries[i];
		if (entry->id == id)
			return entry;
		if (!free_one && !entry->is_away)
			free_one = entry;
	}
	if (!is_away)
		return NULL;
	if (presences->count < PRESENCES_MAX)
		free_one = &presences->entries[presences->count++];
	if (free_one)
		*free_one = (struct presence_entry){ .id = id };
	return free_one;
}

/* The state shows the latest; readings of other devices set it right again. */
static void show_presence(struct sensor *sensor, bool is_online)
{
	struct sensor_stats *stats = &sensor->stats;

	if (!is_online) {
		atomic_fetch_add(&stats->offline, 1);
		atomic_fetch_add(&stats->results[SENSOR_OFFLINE], 1);
		atomic_store(&stats->state, SENSOR_OFFLINE);
	} else if (atomic_fetch_sub(&stats->offline, 1) == 1 &&
		atomic_load(&stats->state) == SENSOR_OFFLINE) {
		atomic_store(&stats->state, SENSOR_OK);
	}
}

void inbox_presence(struct inbox *inbox, const char *who, bool is_online)
{
	struct presence_entry *entry = find_entry(inbox->presences, who, !is_online);
	int64_t now_ms = clock_real_ms();

	if (!entry || entry->is_away == !is_online)
		return;
	entry->is_away = !is_online;
	show_presence(inbox->sensor, is_online);
	if (is_online) {
		if (entry->was_said)
			log_notice("sensor %s: %s is back", inbox->sensor->name, who);
		entry->was_said = false;
	} else if (entry->said_ms == 0 || now_ms - entry->said_ms >= SAY_AGAIN_MS) {
		log_warning("sensor %s: %s is offline", inbox->sensor->name, who);
		entry->was_said = true;
		entry->said_ms = now_ms;
	}
}

/* --- messages ----------------------------------------------------------------- */

void inbox_stamp(struct report *report, int64_t now_ms)
{
	bool is_set = clock_is_plausible(now_ms);
	bool is_believed = (report->marks & REPORT_DEVICE_TIME) &&
		clock_is_plausible(report->time_ms) &&
		(is_set ? report->time_ms <= now_ms + INBOX_AHEAD_MS
			: clock_is_possible(report->time_ms));

	if (!is_believed) {
		report->marks &= (uint16_t)~REPORT_DEVICE_TIME;
		report->time_ms = now_ms;
		if (!is_set)
			report->marks |= REPORT_CLOCK_UNSET;
	} else if (is_set && report->time_ms < now_ms - INBOX_LATE_MS) {
		report->marks |= REPORT_BACKFILLED;
	}
}

/* One message on its way. */
struct taking {
	struct inbox *inbox;
	const struct inbox_message *message;
	uint64_t index;            /* reports of it so far */
	enum sensor_result result; /* of what the format cannot know */
	int accepted;              /* reports; -1: one could not be handed over */
	bool is_confirmed;         /* nothing of it has to be kept before the answer */
};

static bool take_names(struct taking *taking, struct report *report)
{
	const struct inbox *inbox = taking->inbox;
	const struct sensor *sensor = inbox->sensor;
	const char *template =
		*inbox->options->sensor ? inbox->options->sensor : sensor->name;
	const char *topic = taking->message->payload.topic;
	char device[NAME_SIZE];

	memcpy(device, report->sensor, sizeof device);
	return inbox_name(
		       sensor->station, inbox->filter, topic, device, report->station) &&
		inbox_name(template, inbox->filter, topic, device, report->sensor);
}

/* Each report of a message has its own key, so that a crash between two loses none. */
static void take_report(void *arg, struct report *report)
{
	struct taking *taking = arg;
	const struct inbox_message *message = taking->message;
	struct sensor *sensor = taking->inbox->sensor;
	uint64_t index = taking->index++, key = message->key;

	if (key && index > 0)
		key = codec_hash(key, &index, sizeof index);
	if (!take_names(taking, report)) {
		taking->result = SENSOR_BAD_TOPIC;
		return;
	}
	if (message->is_repeated && key && ring_has_key(sensor->ring, key)) {
		atomic_fetch_add(&sensor->stats.duplicates, 1);
		taking->result = SENSOR_IGNORED;
		taking->is_confirmed = false;
		return;
	}
	int64_t now_ms;
	bool is_set = clock_stamp(&now_ms, &report->mono_ms);
	inbox_stamp(report, is_set ? now_ms : 0);
	if (message->is_retained)
		report->marks |= REPORT_RETAINED;
	if (!ring_push(sensor->ring, report, key, RING_WAIT)) {
		atomic_fetch_add(&sensor->stats.dropped, 1);
		taking->accepted = -1;
	} else if (taking->accepted >= 0) {
		taking->accepted++;
		taking->is_confirmed = false;
	}
}

static void take_presence(void *arg, const char *who, bool is_online)
{
	inbox_presence(((struct taking *)arg)->inbox, who, is_online);
}

static void take_ask(void *arg, const char *topic, const void *bytes, size_t length)
{
	struct inbox *inbox = ((struct taking *)arg)->inbox;

	if (inbox->ask)
		inbox->ask(inbox->ask_arg, topic, bytes, length);
}

enum sensor_result inbox_take(
	struct inbox *inbox, const struct inbox_message *message, int *accepted)
{
	struct taking taking = {
		.inbox = inbox,
		.message = message,
		.result = SENSOR_OK,
		.is_confirmed = true,
	};
	struct payload_sink sink = {
		.arg = &taking,
		.report = take_report,
		.presence = take_presence,
		.ask = take_ask,
	};

	if (message->is_retained)
		atomic_fetch_add(&inbox->sensor->stats.retained, 1);
	enum sensor_result result =
		format_decode(inbox->options, inbox->session, &message->payload, &sink);
	if (taking.result == SENSOR_BAD_TOPIC || result == SENSOR_OK)
		result = taking.result;
	inbox_note(inbox, result, message->payload.topic);
	/* A repetition may be in the ring and not yet in the store. */
	if (!taking.is_confirmed && !ring_confirm(inbox->sensor->ring))
		taking.accepted = -1;
	if (accepted)
		*accepted = taking.accepted;
	return result;
}

int inbox_init(struct inbox *inbox, struct sensor *sensor,
	const struct payload_options *options, const char *filter)
{
	const struct payload_format *format = formats[options->format];

	*inbox = (struct inbox){ .sensor = sensor, .options = options, .filter = filter };
	pthread_mutex_init(&inbox->mutex, NULL);
	inbox->presences = calloc(1, sizeof *inbox->presences);
	inbox->session = format_open(format);
	if (inbox->presences && (inbox->session || !format->open))
		return 0;
	inbox_finish(inbox);
	return -1;
}

void inbox_finish(struct inbox *inbox)
{
	if (!inbox->sensor)
		return;
	format_close(formats[inbox->options->format], inbox->session);
	free(inbox->presences);
	pthread_mutex_destroy(&inbox->mutex);
	*inbox = (struct inbox){ .sensor = NULL };
}
