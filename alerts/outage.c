#include "alerts/outage.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/notice.h"
#include "alerts/texts.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/utf8.h"
#include "store/outages.h"

enum { LOOK_MS = 1000 };

struct outage_watch {
	const struct config *config;
	struct notifier *notifier;
	int64_t next_ms; /* real time */
	bool is_loaded;
	bool all_said;
	size_t count;
	struct outage outages[]; /* by channel; episode "": it works */
};

struct outage_watch *outage_watch_new(
	const struct config *config, struct notifier *notifier)
{
	size_t count = notifier_count(notifier);
	struct outage_watch *watch =
		calloc(1, sizeof *watch + count * sizeof watch->outages[0]);

	if (!watch)
		return NULL;
	watch->config = config;
	watch->notifier = notifier;
	watch->count = count;
	return watch;
}

void outage_watch_free(struct outage_watch *watch)
{
	free(watch);
}

void outage_rolled_back(struct outage_watch *watch)
{
	watch->is_loaded = false;
}

/* --- what is known ---------------------------------------------------------- */

static void take_known(void *arg, const struct outage *outage)
{
	struct outage_watch *watch = arg;
	struct channel_status status;

	for (size_t i = 0; i < watch->count; i++) {
		notifier_get_status(watch->notifier, i, &status);
		if (!strcmp(status.name, outage->channel))
			watch->outages[i] = *outage;
	}
}

static int load(struct outage_watch *watch, struct store *store)
{
	for (size_t i = 0; i < watch->count; i++)
		watch->outages[i].episode[0] = '\0';
	if (outage_each(store, take_known, watch) < 0)
		return -1;
	watch->is_loaded = true;
	for (size_t i = 0; i < watch->count; i++)
		notifier_set_down(watch->notifier, i, watch->outages[i].episode[0]);
	return 0;
}

/* --- what is said ------------------------------------------------------------- */

enum { TITLE_SIZE = 256, TEXT_SIZE = 512, SINCE_SIZE = 24 };

/* One language's words; the channel's name is cut so that all of it is a message. */
static void word_outage(const struct channel_status *status, const char *since,
	const char *const words[3], const char *count, char title[TITLE_SIZE],
	char text[TEXT_SIZE])
{
	char reason[256];

	utf8_copy_cut(reason, sizeof reason, status->last_error, 80);
	snprintf(title, TITLE_SIZE, "%s %.24s %s", words[0], status->name, words[1]);
	snprintf(text, TEXT_SIZE, "%.24s: %s %s; %" PRId64 " %s %s", status->name,
		words[2], since, status->waiting, count, reason);
}

static int tell_of_outage(struct outage_watch *watch, struct store *store,
	const struct channel_status *status, const struct outage *outage, bool is_over,
	int64_t now_ms)
{
	/* Before and behind the name in the title; before the time; by the number. */
	static const char *const words[2][2][3] = {
		{ { "Kênh", "không gửi được tin", "không tin nào gửi được từ" },
			{ "Kênh", "đã hoạt động lại", "đã gửi được tin, gián đoạn từ" } },
		{ { "Channel", "does not work", "nothing gets through since" },
			{ "Channel", "works again",
				"messages get through; interrupted since" } },
	};
	static const char *const counts[2] = { "tin đang chờ.", "messages wait." };
	char time[CLOCK_TEXT_SIZE], since[SINCE_SIZE];
	char titles[2][TITLE_SIZE], texts[2][TEXT_SIZE];
	struct notice notice = {
		.rule = "channel",
		.episode = outage->episode,
		.revision = is_over ? 2 : 1,
		.resolved = is_over,
		.since_ms = outage->since_ms,
		.but = status->name,
	};

	clock_format(time, outage->since_ms, TEXTS_OFFSET_MINUTES);
	snprintf(since, sizeof since, "%.5s %.2s/%.2s", time + 11, time + 8, time + 5);
	for (int i = 0; i < 2; i++) {
		word_outage(
			status, since, words[i][is_over], counts[i], titles[i], texts[i]);
		notice.titles[i] = titles[i];
		notice.texts[i] = texts[i];
	}
	if (!is_over) {
		notice.instructions[0] =
			"Kiểm tra đường truyền, tài khoản và máy chủ của kênh này.";
		notice.instructions[1] =
			"Check the line, the account and the server of this channel.";
	}
	return notice_operators(store, watch->config, &notice, now_ms);
}

/* Since when nothing gets through; 0: something does, or nothing waits. */
static int64_t failing_since(const struct channel_status *status)
{
	if (status->waiting == 0 || status->last_error_ms == 0 ||
		status->last_error_ms < status->last_success_ms)
		return 0;
	return status->oldest_ms > status->last_success_ms ? status->oldest_ms
							   : status->last_success_ms;
}

static int begin_outage(struct outage_watch *watch, struct store *store, size_t index,
	const struct channel_status *status, int64_t now_ms)
{
	struct outage *outage = &watch->outages[index];

	*outage = (struct outage){ .since_ms = failing_since(status) };
	snprintf(outage->channel, sizeof outage->channel, "%s", status->name);
	snprintf(outage->episode, sizeof outage->episode, "channel%zux%" PRId64, index,
		now_ms);
	int added = tell_of_outage(watch, store, status, outage, false, now_ms);
	if (added < 0 || outage_add(store, outage) < 0)
		return -1;
	log_error("channel %s: nothing gets through; %d operators' channel%s told",
		status->name, added, added == 1 ? " is" : "s are");
	notifier_set_down(watch->notifier, index, true);
	return added;
}

static int end_outage(struct outage_watch *watch, struct store *store, size_t index,
	const struct channel_status *status, int64_t now_ms)
{
	struct outage *outage = &watch->outages[index];
	int added = tell_of_outage(watch, store, status, outage, true, now_ms);

	if (added < 0 || outage_remove(store, outage->channel) < 0)
		return -1;
	outage->episode[0] = '\0';
	notifier_set_down(watch->notifier, index, false);
	return added;
}

static int look_at(
	struct outage_watch *watch, struct store *store, size_t index, int64_t now_ms)
{
	const struct outage *outage = &watch->outages[index];
	struct channel_status status;

	notifier_get_status(watch->notifier, index, &status);
	if (outage->episode[0])
		return status.last_success_ms > status.last_error_ms
			? end_outage(watch, store, index, &status, now_ms)
			: 0;
	int64_t since = failing_since(&status);
	if (since == 0 || now_ms - since < watch->config->alerts.channel_down)
		return 0;
	return begin_outage(watch, store, index, &status, now_ms);
}

static void say_of_all(struct outage_watch *watch)
{
	size_t down = 0;

	for (size_t i = 0; i < watch->count; i++)
		down += watch->outages[i].episode[0] != '\0';
	bool is_all = down > 0 && down == watch->count;
	if (is_all && !watch->all_said)
		log_error("no channel works: nobody can be told");
	watch->all_said = is_all;
}

int outage_look(struct outage_watch *watch, struct store *store, int64_t now_ms)
{
	int64_t real_ms = clock_real_ms();
	int total = 0;

	if (real_ms < watch->next_ms || !clock_is_set())
		return 0;
	watch->next_ms = real_ms + LOOK_MS;
	if (!watch->is_loaded && load(watch, store) < 0)
		return -1;
	for (size_t i = 0; i < watch->count; i++) {
		int added = look_at(watch, store, i, now_ms);

		if (added < 0)
			return -1;
		total += added;
	}
	say_of_all(watch);
	return total;
}
