/* One configuration of alerts by hand, and a store: for the tests of the alert engine. */
#ifndef MUABUI_TESTS_ALERT_WORLD_H
#define MUABUI_TESTS_ALERT_WORLD_H

#include <math.h>
#include <stdio.h>

#include "alerts/alerts.h"
#include "alerts/channel.h"
#include "alerts/message.h"
#include "alerts/rule.h"
#include "core/log.h"
#include "store/desk.h"
#include "store/outbox.h"
#include "tests/unit/temp_store.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static const int64_t start = 1795300000000;

static struct temp temp;

/* One configuration by hand: rules and channels as the loader would make them. */
enum { RULES = 3, RULES_MAX = 6 };

static struct rule rules[RULES_MAX];
static struct channel_common commons[3];
static struct option_item channels[3];
static struct config config;

static inline void set_up_config(void)
{
	static const struct option_kind kind = { .name = "console" };
	struct rule plain = {
		.above = NAN,
		.below = NAN,
		.clear_below = NAN,
		.clear_above = NAN,
		.max_age = 10 * MINUTE,
		.expires = 2 * HOUR,
		.severity = SEVERITY_SEVERE,
	};

	for (size_t i = 0; i < RULES_MAX; i++)
		rules[i] = plain;
	rules[0].name = "dust";
	rules[0].metric = metric_find("pm25");
	rules[0].above = 50;
	rules[0].clear_below = 40;
	rules[1].name = "slow";
	rules[1].metric = metric_find("pm10");
	rules[1].above = 50;
	rules[1].on_delay = 10 * MINUTE;
	rules[2].name = "silent";
	rules[2].metric = metric_find("pm25");
	rules[2].absent_for = 15 * MINUTE;
	rules[2].audience = AUDIENCE_OPERATORS;
	static const char *const names[] = { "web", "english", "officers" };
	for (size_t i = 0; i < 3; i++)
		channels[i] = (struct option_item){
			.name = names[i], .kind = &kind, .common = &commons[i]
		};
	commons[0] = (struct channel_common){ .audience = AUDIENCE_CITIZENS };
	commons[1] =
		(struct channel_common){ .audience = AUDIENCE_CITIZENS, .language = 2 };
	commons[2] = (struct channel_common){ .audience = AUDIENCE_OPERATORS };
	config = (struct config){
		.station = { .id = "HN-CG-01",
			.name = "Cầu Giấy",
			.area = "hn-cau-giay" },
		.alerts = { .rules = { .items = rules, .count = RULES },
			.channels = { .items = channels, .count = 3 } },
	};
}

static struct directory *directory;
static struct desk *desk;
static struct calibrating *calibrating;

static inline struct alerts *open_alerts(struct store *store)
{
	return alerts_open(&(struct alerts_settings){ .config = &config,
		.store = store,
		.directory = directory,
		.desk = desk,
		.calibrating = calibrating });
}

static inline void no_log(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static inline int make_store(void **state)
{
	log_set_sink(no_log);
	set_up_config();
	temp_make(&temp);
	*state = temp_open(&temp, STORE_RECORDER);
	directory = directory_new();
	desk = desk_new();
	return *state && desk && directory_open(directory, &config, *state) == 0 ? 0 : -1;
}

static inline int drop_store(void **state)
{
	directory_free(directory);
	desk_free(desk);
	store_close(*state);
	temp_remove(&temp);
	return 0;
}

static inline struct report make_report(
	const char *station, const char *metric, int64_t time_ms, double value)
{
	struct report report;

	report_init(&report);
	report.time_ms = time_ms;
	snprintf(report.station, sizeof report.station, "%s", station);
	snprintf(report.sensor, sizeof report.sensor, "dust");
	report_add(&report, metric_find(metric)->id, value);
	report.readings[0].flag = FLAG_GOOD;
	return report;
}

static inline int show(struct alerts *alerts, const char *station, const char *metric,
	int64_t time_ms, double value)
{
	struct report report = make_report(station, metric, time_ms, value);

	return alerts_report(alerts, &report, time_ms);
}

/* Takes the next message for CHANNEL out of the outbox. False: there is none. */
static inline bool take_any(
	struct store *store, const char *channel, struct message *message)
{
	static struct outbox_item item;
	int64_t next;
	int got = outbox_next(store, channel, start + 100 * HOUR, &item, &next);

	assert_true(got >= 0);
	if (got == 0)
		return false;
	assert_true(message_from_json(message, item.body));
	assert_string_equal(message->id, item.episode);
	assert_int_equal(message->revision, item.revision);
	assert_int_equal(message->resolved, item.resolved);
	assert_int_equal(message->expires_ms, item.expires_ms);
	assert_int_equal(outbox_finish(store, &item, OUTBOX_DELIVERED, start, ""), 0);
	return true;
}

static inline struct message take(struct store *store, const char *channel)
{
	struct message message;

	assert_true(take_any(store, channel, &message));
	return message;
}

#endif
