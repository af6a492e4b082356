#include "gateway/wear.h"

#include <string.h>

#include "config/option.h"

static const double day_ms = 86400e3;

enum {
	TALKS_MS = 1000,    /* between reports of what talks by itself */
	MESSAGE_MS = 10000, /* between messages */
	FRAME_BYTES = 4120, /* a page in the WAL */
	COMMIT_PAGES = 2,   /* the newest reports and the marks */
	MERGE_PAGES = 6,    /* besides the series: state, hours, retention */
	SENSOR_SERIES = 6,  /* each a page of its own in the minutes */
	REPORT_BYTES = 100, /* in the ring, and as much in the store with its share */
	RING_WRITES = 2880, /* a day: the kernel writes changed pages every 30 s */
	RING_HEAD_BYTES = 8192,
};

static bool comes_by_message(const struct option_item *item)
{
	return strcmp(item->kind->name, "mqtt") == 0 ||
		strcmp(item->kind->name, "http") == 0;
}

static double interval_ms(const struct option_item *item)
{
	const struct option *option = item->kind->group.options;
	int64_t every = 0;

	for (; option && option->name; option++) {
		const char *at = (const char *)item->options + option->offset;
		if (strcmp(option->name, "every") == 0 &&
			option->type == OPTION_DURATION && *(const int64_t *)at > 0)
			every = *(const int64_t *)at;
		/* A device that may be asked, and is not. */
		if (strcmp(option->name, "mode") == 0 && option->type == OPTION_CHOICE &&
			strcmp(option->choices[*(const int *)at], "active") == 0)
			return TALKS_MS;
	}
	if (every > 0)
		return (double)every;
	return comes_by_message(item) ? MESSAGE_MS : TALKS_MS;
}

void wear_estimate(const struct config *config, struct wear *wear)
{
	const struct option_item *items = config->sensors.items;
	bool each = config->store.durability == DURABILITY_EACH;
	double grouped = 0, alone = 0;

	*wear = (struct wear){ .lost_ms = config->store.commit_every,
		.acknowledged = each };
	for (size_t i = 0; i < config->sensors.count; i++) {
		double reports = day_ms / interval_ms(&items[i]);
		wear->reports += reports;
		*(each && comes_by_message(&items[i]) ? &alone : &grouped) += reports;
	}
	double commits = day_ms / (double)config->store.commit_every;
	wear->commits = (grouped < commits ? grouped : commits) + alone;
	double pages = COMMIT_PAGES * wear->commits;
	if (config->sensors.count > 0)
		pages += 1440.0 *
			(MERGE_PAGES + SENSOR_SERIES * (double)config->sensors.count);
	wear->bytes = pages * FRAME_BYTES + 2.0 * REPORT_BYTES * wear->reports;
	if (config->sensors.count > 0)
		wear->bytes += (double)RING_WRITES * RING_HEAD_BYTES;
}
