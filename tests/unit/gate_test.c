/* What stands around the rules: silences, acknowledgements, inhibition, limits, digests.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"
#include "store/decisions.h"
#include "tests/unit/alert_world.h"

static struct alerts *alerts;

static int make_world(void **state)
{
	int result = make_store(state);

	rules[0].repeat = HOUR;
	rules[2].repeat = HOUR;
	rules[2].absent_for = 200 * (int64_t)HOUR; /* not what most tests are about */
	alerts = NULL;
	clock_freeze(start, 1000);
	return result;
}

static int drop_world(void **state)
{
	alerts_close(alerts);
	return drop_store(state);
}

static void begin(struct store *store)
{
	alerts = open_alerts(store);
	assert_non_null(alerts);
}

/* As after SIGKILL: what was not committed is gone, the desk is read again. */
static void restart(struct store *store)
{
	store_rollback(store);
	alerts_close(alerts);
	assert_int_equal(desk_open(desk, store), 0);
	begin(store);
}

static void commit(struct store *store)
{
	if (alert_state_joins(store))
		assert_int_equal(store_commit(store), 0);
}

static int say(struct store *store, const char *station, int64_t time_ms, double value)
{
	int added = show(alerts, station, "pm25", time_ms, value);

	commit(store);
	return added;
}

static int tick(struct store *store, int64_t now_ms)
{
	int added = alerts_tick(alerts, now_ms);

	commit(store);
	return added;
}

static void silence(struct store *store, const char *rule, const char *station,
	const char *area, int64_t since_ms, int64_t until_ms)
{
	struct silence span = { .author = "an",
		.reason = "test",
		.since_ms = since_ms,
		.until_ms = until_ms };

	snprintf(span.rule, sizeof span.rule, "%s", rule);
	snprintf(span.station, sizeof span.station, "%s", station);
	snprintf(span.area, sizeof span.area, "%s", area);
	assert_int_equal(decisions_keep_silence(store, &span), 0);
	assert_true(desk_silence(desk, &span));
}

static void expect(struct store *store, const char *station, bool resolved, int revision)
{
	struct message message = take(store, "web");

	assert_string_equal(message.station, station);
	assert_int_equal(message.resolved, resolved);
	assert_int_equal(message.revision, revision);
}

static void expect_nothing(struct store *store)
{
	struct message message;

	assert_false(take_any(store, "web", &message));
	assert_false(take_any(store, "officers", &message));
}

/* --- silences ------------------------------------------------------------ */

static void test_silenced_and_told_afterwards(void **state)
{
	struct store *store = *state;

	begin(store);
	silence(store, "dust", "", "", start, start + HOUR);
	assert_int_equal(say(store, "X", start, 60), 0);
	assert_int_equal(tick(store, start + 30 * MINUTE), 0);
	expect_nothing(store);
	restart(store);
	assert_int_equal(say(store, "X", start + HOUR - SECOND, 61), 0);
	assert_int_equal(tick(store, start + HOUR), 2);
	struct message message = take(store, "web");
	assert_string_equal(message.title, "Vẫn còn: Bụi PM2.5 cao tại X");
	assert_int_equal(message.since_ms, start);
	assert_true(message.value == 61 && message.revision == 1);
	assert_int_equal(tick(store, start + HOUR + SECOND), 0);
	assert_int_equal(say(store, "X", start + HOUR + 2 * SECOND, 30), 2);
	expect(store, "X", true, 2);
}

/* What nobody heard of ends without a word. */
static void test_silenced_and_over(void **state)
{
	struct store *store = *state;

	begin(store);
	silence(store, "", "X", "", start, start + HOUR);
	assert_int_equal(say(store, "X", start, 60), 0);
	assert_int_equal(say(store, "Y", start, 60), 2);
	assert_int_equal(say(store, "X", start + SECOND, 30), 0);
	assert_int_equal(tick(store, start + HOUR), 0);
	expect(store, "Y", false, 1);
	expect_nothing(store);
}

/* Told before, over meanwhile: the all-clear waits, and is not lost by a restart. */
static void test_the_all_clear_waits(void **state)
{
	struct store *store = *state;

	begin(store);
	assert_int_equal(say(store, "X", start, 60), 2);
	silence(store, "", "", "hn-cau-giay", start, start + HOUR);
	assert_int_equal(say(store, "X", start + SECOND, 30), 0);
	restart(store);
	assert_int_equal(tick(store, start + HOUR - SECOND), 0);
	restart(store);
	assert_int_equal(tick(store, start + HOUR), 2);
	struct message fired = take(store, "web"), over = take(store, "web");
	assert_string_equal(fired.id, over.id);
	assert_true(over.resolved && over.since_ms == start);
	assert_int_equal(tick(store, start + HOUR + SECOND), 0);
	restart(store);
	assert_int_equal(tick(store, start + HOUR + 2 * SECOND), 0);
}

/* A silence that ends in quiet hours wakes nobody, be it an alert or its end. */
static void test_a_silence_into_the_night(void **state)
{
	struct store *store = *state;
	int64_t morning = start + 2 * HOUR + 33 * MINUTE + 20 * SECOND; /* 8:00 */

	rules[0].quiet = (struct rule_quiet){ 6 * 60, 8 * 60, SEVERITY_EXTREME };
	begin(store);
	assert_int_equal(say(store, "X", start, 60), 2);
	silence(store, "", "", "hn-cau-giay", start, start + HOUR);
	assert_int_equal(say(store, "X", start + SECOND, 30), 0);
	assert_int_equal(say(store, "Y", start + SECOND, 60), 0);
	assert_int_equal(tick(store, start + HOUR), 0);
	assert_int_equal(say(store, "Y", morning - SECOND, 60), 0);
	assert_int_equal(tick(store, morning - SECOND), 0);
	assert_int_equal(tick(store, morning), 4);
	expect(store, "X", false, 1);
	struct message first = take(store, "web"), second = take(store, "web");
	assert_true(first.resolved != second.resolved);
	assert_string_equal(first.resolved ? first.station : second.station, "X");
	assert_string_equal(first.resolved ? second.title : first.title,
		"Vẫn còn: Bụi PM2.5 cao tại Y");
}

/* Over and there again, all in silence: for those who were told it goes on. */
static void test_silence_over_two_episodes(void **state)
{
	struct store *store = *state;

	begin(store);
	assert_int_equal(say(store, "X", start, 60), 2);
	silence(store, "dust", "X", "hn-cau-giay", start, start + HOUR);
	assert_int_equal(say(store, "X", start + SECOND, 30), 0);
	assert_int_equal(say(store, "X", start + HOUR - SECOND, 70), 0);
	assert_int_equal(tick(store, start + HOUR), 2);
	assert_int_equal(say(store, "X", start + HOUR + SECOND, 30), 2);
	struct message fired = take(store, "web"), still = take(store, "web"),
		       over = take(store, "web");
	assert_string_equal(fired.id, still.id);
	assert_string_equal(fired.id, over.id);
	assert_true(!still.resolved && over.resolved);
	assert_string_equal(still.title, "Vẫn còn: Bụi PM2.5 cao tại X");
}

/* Told before and standing all the while: once more, then its repeats go on. */
static void test_a_standing_one_is_told_once_more(void **state)
{
	struct store *store = *state;

	begin(store);
	assert_int_equal(say(store, "X", start, 60), 2);
	silence(store, "dust", "", "", start, start + 3 * HOUR);
	for (int64_t t = start + MINUTE; t < start + 3 * HOUR; t += 5 * MINUTE) {
		assert_int_equal(say(store, "X", t, 60), 0);
		assert_int_equal(tick(store, t), 0);
	}
	assert_int_equal(tick(store, start + 3 * HOUR), 2);
	assert_int_equal(say(store, "X", start + 3 * HOUR + SECOND, 60), 0);
	assert_int_equal(tick(store, start + 3 * HOUR + SECOND), 0);
	expect(store, "X", false, 1);
	expect(store, "X", false, 2);
	expect_nothing(store);
}

/* What was heard last is too old to be said by: it waits for a reading. */
static void test_nothing_from_stale_data(void **state)
{
	struct store *store = *state;

	rules[2].absent_for = 15 * MINUTE;
	begin(store);
	silence(store, "dust", "", "", start, start + HOUR);
	assert_int_equal(say(store, "X", start, 60), 0);
	assert_int_equal(tick(store, start + HOUR), 1); /* officers: it is silent */
	assert_int_equal(tick(store, start + HOUR + SECOND), 0);
	take(store, "officers");
	expect_nothing(store);
	assert_int_equal(say(store, "X", start + 2 * HOUR, 60), 1); /* data again */
	assert_int_equal(tick(store, start + 2 * HOUR), 2);
	expect(store, "X", false, 1);
}

static void test_ended_by_hand(void **state)
{
	struct store *store = *state;
	struct silence span = { .rule = "dust",
		.author = "an",
		.reason = "test",
		.since_ms = start,
		.until_ms = start + HOUR };

	begin(store);
	assert_int_equal(decisions_keep_silence(store, &span), 0);
	assert_true(desk_silence(desk, &span));
	assert_int_equal(desk_covers(desk, "dust", "X", "A", start + 1), span.id);
	assert_int_equal(desk_covers(desk, "other", "X", "A", start + 1), 0);
	assert_int_equal(say(store, "X", start, 60), 0);
	assert_int_equal(
		decisions_end_silence(store, span.id, "binh", start + MINUTE), 0);
	assert_true(desk_unsilence(desk, span.id, start + MINUTE));
	assert_false(desk_unsilence(desk, span.id, start + MINUTE));
	assert_int_equal(tick(store, start + MINUTE), 2);
	restart(store);
	assert_int_equal(desk_covers(desk, "dust", "X", "A", start + MINUTE), 0);
}

/* --- acknowledging ---------------------------------------------------------- */

static void test_acknowledged(void **state)
{
	struct store *store = *state;
	struct acknowledgement acknowledgement = { .author = "an", .time_ms = start };

	rules[2].absent_for = 15 * MINUTE;
	begin(store);
	assert_int_equal(say(store, "X", start, 30), 0);
	assert_int_equal(tick(store, start + HOUR), 1);
	assert_int_equal(tick(store, start + 2 * HOUR), 1);
	struct message silent = take(store, "officers");
	snprintf(
		acknowledgement.episode, sizeof acknowledgement.episode, "%s", silent.id);
	assert_int_equal(decisions_keep_acknowledgement(store, &acknowledgement), 0);
	desk_acknowledge(desk, &acknowledgement);
	take(store, "officers");
	assert_int_equal(tick(store, start + 3 * HOUR), 0);
	restart(store);
	assert_int_equal(tick(store, start + 4 * HOUR), 0);
	assert_true(desk_acknowledged(desk, silent.id, &acknowledgement));
	assert_string_equal(acknowledgement.author, "an");
	assert_int_equal(say(store, "X", start + 5 * HOUR, 30), 1);
	assert_true(take(store, "officers").resolved);
	/* The next episode is another matter. */
	assert_int_equal(tick(store, start + 6 * HOUR), 1);
	assert_int_equal(tick(store, start + 7 * HOUR), 1);
}

/* That it has become worse is news to those who deal with it, too. */
static void test_acknowledged_and_worse(void **state)
{
	struct store *store = *state;
	struct acknowledgement acknowledgement = { .author = "an", .time_ms = start };

	rules[0].audience = AUDIENCE_OPERATORS;
	rules[0].steps[0] = (struct rule_step){ 50, 40, SEVERITY_MODERATE };
	rules[0].steps[1] = (struct rule_step){ 100, 90, SEVERITY_SEVERE };
	rules[0].step_count = 2;
	rules[0].repeat = MINUTE;
	begin(store);
	assert_int_equal(say(store, "X", start, 60), 1);
	struct message first = take(store, "officers");
	snprintf(acknowledgement.episode, sizeof acknowledgement.episode, "%s", first.id);
	desk_acknowledge(desk, &acknowledgement);
	assert_int_equal(say(store, "X", start + MINUTE, 60), 0);
	assert_int_equal(say(store, "X", start + 2 * MINUTE, 120), 1);
	assert_int_equal(take(store, "officers").severity, SEVERITY_SEVERE);
	assert_int_equal(say(store, "X", start + 3 * MINUTE, 120), 0);
	assert_int_equal(say(store, "X", start + 4 * MINUTE, 30), 1);
	assert_true(take(store, "officers").resolved);
}

/* --- inhibition --------------------------------------------------------------- */

/* A device that is at fault says nothing of the air. */
static void test_a_fault_mutes_the_threshold(void **state)
{
	struct store *store = *state;

	rules[3].name = "stuck";
	rules[3].metric = metric_find("pm25");
	rules[3].above = 900;
	rules[3].hazard = HAZARD_DEVICE + 1;
	rules[3].audience = AUDIENCE_OPERATORS;
	config.alerts.rules.count = 4;
	rules[2].absent_for = 15 * MINUTE;
	begin(store);
	assert_int_equal(say(store, "X", start, 999), 1);
	assert_int_equal(say(store, "Y", start, 60), 2);
	take(store, "officers");
	expect(store, "Y", false, 1);
	expect_nothing(store);
	/* Well again, and really so: within a minute it is news. */
	assert_int_equal(say(store, "X", start + SECOND, 60), 1);
	assert_int_equal(tick(store, start + SECOND), 2);
	assert_string_equal(take(store, "web").title, "Bụi PM2.5 cao tại X");
	assert_true(take(store, "officers").resolved);
	/* One that stands is not taken back by the fault. */
	assert_int_equal(say(store, "Y", start + 2 * SECOND, 999), 1);
	struct message message = take(store, "officers");
	assert_string_equal(message.rule, "stuck");
	assert_int_equal(tick(store, start + 3 * HOUR), 2);
	assert_string_equal(take(store, "officers").rule, "silent");
	assert_string_equal(take(store, "officers").rule, "silent");
	expect_nothing(store);
}

/* What ends an alert must not be a fault either: the all-clear waits for its end. */
static void test_no_all_clear_from_a_fault(void **state)
{
	struct store *store = *state;

	rules[3].name = "stuck";
	rules[3].metric = metric_find("pm25");
	rules[3].below = 1;
	rules[3].hazard = HAZARD_DEVICE + 1;
	rules[3].audience = AUDIENCE_OPERATORS;
	config.alerts.rules.count = 4;
	begin(store);
	assert_int_equal(say(store, "X", start, 60), 2);
	assert_int_equal(say(store, "X", start + SECOND, 0), 1);
	assert_int_equal(tick(store, start + 2 * SECOND), 0);
	restart(store);
	assert_int_equal(tick(store, start + 3 * SECOND), 0);
	expect(store, "X", false, 1);
	take(store, "officers");
	expect_nothing(store);
	/* Well again, and over by what it says then. */
	assert_int_equal(say(store, "X", start + 4 * SECOND, 30), 1);
	assert_int_equal(tick(store, start + 4 * SECOND), 2);
	struct message over = take(store, "web");
	assert_true(over.resolved && over.value == 30);
}

static void make_area_rule(void)
{
	rules[3].name = "ward";
	rules[3].metric = metric_find("pm25");
	rules[3].above = 50;
	rules[3].scope = RULE_OF_AREA;
	rules[0].above = 55;
	rules[0].clear_below = NAN;
	config.alerts.rules.count = 4;
}

static void test_an_area_mutes_its_stations(void **state)
{
	struct store *store = *state;

	make_area_rule();
	begin(store);
	assert_int_equal(say(store, "X", start, 60), 4); /* both: it came first */
	assert_int_equal(say(store, "Y", start + 1, 70), 0);
	assert_int_equal(tick(store, start + SECOND), 0);
	expect(store, "X", false, 1);
	struct message ward = take(store, "web");
	assert_string_equal(ward.station, "hn-cau-giay");
	assert_string_equal(ward.area, "hn-cau-giay");
	/* Those who were told of X are told of its end, though the ward goes on. */
	assert_int_equal(say(store, "X", start + 2 * SECOND, 30), 2);
	expect(store, "X", true, 2);
	assert_int_equal(say(store, "Y", start + 3 * SECOND, 30), 2);
	expect(store, "hn-cau-giay", true, 2);
	expect_nothing(store);
}

static void test_a_station_outlives_the_area_alert(void **state)
{
	struct store *store = *state;

	make_area_rule();
	begin(store);
	silence(store, "dust", "", "", start, start + SECOND);
	assert_int_equal(say(store, "X", start, 60), 2); /* the ward */
	restart(store);
	assert_int_equal(say(store, "Z", start + MINUTE, 20), 0);
	assert_int_equal(tick(store, start + MINUTE), 0);
	silence(store, "ward", "", "", start + MINUTE, start + 2 * HOUR);
	expect(store, "hn-cau-giay", false, 1);
	expect_nothing(store);
	/* A worse one than the area's is said all the same. */
	rules[0].severity = SEVERITY_EXTREME;
	assert_int_equal(say(store, "Y", start + MINUTE, 100), 2);
	expect(store, "Y", false, 1);
}

/* --- limits and digests ------------------------------------------------------------ */

static void set_limit(int per_area)
{
	config.alerts.limit = (struct limit_config){
		.per_area = per_area, .within = HOUR, .digest_every = HOUR
	};
}

static void test_beyond_the_limit(void **state)
{
	struct store *store = *state;
	static const char *const names[] = { "A", "B", "C", "D", "E" };

	set_limit(2);
	begin(store);
	for (int i = 0; i < 5; i++)
		assert_int_equal(say(store, names[i], start + i, 60 + i), i < 2 ? 2 : 0);
	assert_int_equal(tick(store, start + SECOND), 2);
	expect(store, "A", false, 1);
	expect(store, "B", false, 1);
	struct message digest = take(store, "web");
	assert_string_equal(digest.rule, "digest");
	assert_string_equal(digest.station, "hn-cau-giay");
	assert_string_equal(
		digest.title, "hn-cau-giay: 5 trạm vượt ngưỡng bụi mịn PM2.5");
	assert_true(digest.value == 64 && digest.threshold == 50);
	assert_non_null(strstr(digest.text, "trạm E"));
	assert_int_equal(digest.since_ms, start);
	assert_int_equal(digest.revision, 1);
	expect_nothing(store);

	/* Neither the count nor the digest is forgotten. */
	restart(store);
	assert_int_equal(tick(store, start + 2 * SECOND), 0);
	assert_int_equal(say(store, "F", start + MINUTE, 70), 0);
	assert_int_equal(tick(store, start + 2 * MINUTE), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(say(store, names[i], start + HOUR + SECOND, 60 + i),
			i < 2 ? 2 : 0);
	assert_int_equal(say(store, "F", start + HOUR + SECOND, 70), 0);
	/* The repeats of two, each by itself; what is new, and the others' repeats. */
	expect(store, "A", false, 2);
	expect(store, "B", false, 2);
	assert_int_equal(tick(store, start + HOUR + 2 * SECOND), 2);
	struct message second = take(store, "web");
	assert_string_equal(second.id, digest.id);
	assert_int_equal(second.revision, 2);
	assert_string_equal(
		second.title, "hn-cau-giay: 6 trạm vượt ngưỡng bụi mịn PM2.5");
	expect_nothing(store);

	/* Each all-clear by itself for those told so, one for the rest. */
	int64_t later = start + HOUR + MINUTE;
	assert_int_equal(say(store, "A", later, 30), 2);
	for (int i = 2; i < 5; i++)
		assert_int_equal(say(store, names[i], later, 30), 0);
	assert_int_equal(tick(store, later), 0);
	assert_int_equal(say(store, "F", later, 30), 0);
	assert_int_equal(tick(store, later), 2);
	expect(store, "A", true, 3);
	struct message over = take(store, "web");
	assert_string_equal(over.id, digest.id);
	assert_true(over.resolved && over.revision == 3);
	assert_string_equal(over.title, "Đã hết cảnh báo: bụi mịn PM2.5 tại hn-cau-giay");
	restart(store);
	assert_int_equal(tick(store, later + SECOND), 0);
	assert_int_equal(say(store, "B", later + SECOND, 30), 2);
	expect(store, "B", true, 3);
	expect_nothing(store);
}

static void test_the_highest_severity_passes(void **state)
{
	struct store *store = *state;

	set_limit(1);
	begin(store);
	assert_int_equal(say(store, "A", start, 60), 2);
	assert_int_equal(say(store, "B", start + 1, 60), 0);
	rules[0].severity = SEVERITY_EXTREME;
	assert_int_equal(say(store, "C", start + 2, 60), 2);
	assert_int_equal(say(store, "D", start + 3, 60), 2);
	expect(store, "A", false, 1);
	expect(store, "C", false, 1);
	expect(store, "D", false, 1);
}

/* One that becomes as bad as can be leaves the crowd, and no other does. */
static void test_escalation_passes(void **state)
{
	struct store *store = *state;

	set_limit(1);
	rules[0].steps[0] = (struct rule_step){ 50, 40, SEVERITY_MODERATE };
	rules[0].steps[1] = (struct rule_step){ 100, 90, SEVERITY_SEVERE };
	rules[0].steps[2] = (struct rule_step){ 200, 190, SEVERITY_EXTREME };
	rules[0].step_count = 3;
	begin(store);
	assert_int_equal(say(store, "A", start, 60), 2);
	assert_int_equal(say(store, "B", start + 1, 60), 0);
	assert_int_equal(say(store, "C", start + 2, 60), 0);
	assert_int_equal(tick(store, start + SECOND), 2);
	expect(store, "A", false, 1);
	assert_string_equal(take(store, "web").rule, "digest");
	assert_int_equal(say(store, "C", start + 2 * SECOND, 120), 0);
	restart(store);
	assert_int_equal(say(store, "B", start + 3 * SECOND, 250), 2);
	struct message worst = take(store, "web");
	assert_string_equal(worst.station, "B");
	assert_int_equal(worst.severity, SEVERITY_EXTREME);
	assert_int_equal(worst.revision, 1);
	/* Told by itself, it ends by itself; and the digest when its last one is over. */
	assert_int_equal(say(store, "B", start + 4 * SECOND, 30), 2);
	expect(store, "B", true, 2);
	assert_int_equal(tick(store, start + 5 * SECOND), 0);
	assert_int_equal(say(store, "C", start + 6 * SECOND, 30), 0);
	assert_int_equal(tick(store, start + 6 * SECOND), 2);
	struct message over = take(store, "web");
	assert_true(over.resolved);
	assert_string_equal(over.rule, "digest");
	expect_nothing(store);
}

/* Gathered and over before anybody heard of it. */
static void test_over_before_the_digest(void **state)
{
	struct store *store = *state;

	set_limit(1);
	begin(store);
	assert_int_equal(say(store, "A", start, 60), 2);
	assert_int_equal(say(store, "B", start + 1, 60), 0);
	assert_int_equal(say(store, "B", start + 2, 30), 0);
	assert_int_equal(tick(store, start + SECOND), 0);
	expect(store, "A", false, 1);
	expect_nothing(store);
}

/* Operators have limits, too; nothing is gathered below them. */
static void test_operators(void **state)
{
	struct store *store = *state;
	struct message message;

	set_limit(2);
	config.alerts.limit.gather = MINUTE;
	rules[2].absent_for = 15 * MINUTE;
	begin(store);
	for (int i = 0; i < 4; i++) {
		char name[2] = { (char)('A' + i), 0 };
		say(store, name, start + i, 30);
	}
	assert_int_equal(tick(store, start + HOUR), 3);
	assert_false(take(store, "officers").resolved);
	assert_false(take(store, "officers").resolved);
	message = take(store, "officers");
	assert_string_equal(
		message.title, "hn-cau-giay: 4 trạm mất tín hiệu bụi mịn PM2.5");
	assert_int_equal(message.hazard, HAZARD_DEVICE);
	expect_nothing(store);
}

static void test_gathering(void **state)
{
	struct store *store = *state;

	set_limit(100);
	config.alerts.limit.gather = 10 * SECOND;
	begin(store);
	assert_int_equal(say(store, "A", start, 60), 2);
	assert_int_equal(say(store, "B", start + SECOND, 60), 0);
	assert_int_equal(tick(store, start + 10 * SECOND), 0);
	restart(store);
	/* Only one came: it is told by itself. */
	assert_int_equal(say(store, "B", start + 11 * SECOND, 61), 0);
	assert_int_equal(tick(store, start + 11 * SECOND), 2);
	expect(store, "A", false, 1);
	expect(store, "B", false, 1);
	/* Two together. */
	assert_int_equal(say(store, "C", start + 12 * SECOND, 60), 0);
	assert_int_equal(say(store, "D", start + 13 * SECOND, 60), 0);
	assert_int_equal(tick(store, start + 22 * SECOND), 2);
	struct message digest = take(store, "web");
	assert_string_equal(digest.rule, "digest");
	assert_non_null(strstr(digest.title, "4 trạm"));
	/* Rain is another matter, and late ones are not late for ever. */
	assert_int_equal(say(store, "B", start + 23 * SECOND, 30), 2);
	expect(store, "B", true, 2);
	assert_int_equal(say(store, "B", start + HOUR, 60), 2);
	expect(store, "B", false, 1);
}

/* The counts are of hours that have passed, whatever the clock said. */
static void test_a_step_of_the_clock(void **state)
{
	struct store *store = *state;
	struct clock_step step = { .since_ms = start - HOUR, .by_ms = 10 * HOUR };

	set_limit(1);
	begin(store);
	assert_int_equal(say(store, "A", start, 60), 2);
	assert_int_equal(alerts_shift(alerts, &step), 0);
	commit(store);
	restart(store);
	int64_t now = start + 10 * HOUR + MINUTE;
	assert_int_equal(say(store, "B", now, 60), 0);
	assert_int_equal(tick(store, now), 2);
	assert_int_equal(say(store, "C", now + HOUR, 60), 2);
}

/* The rules of a digest are taken out of the configuration. */
static void test_a_digest_without_rules_ends(void **state)
{
	struct store *store = *state;
	struct message message;

	set_limit(1);
	begin(store);
	assert_int_equal(say(store, "A", start, 60), 2);
	assert_int_equal(say(store, "B", start + 1, 60), 0);
	assert_int_equal(tick(store, start + SECOND), 2);
	expect(store, "A", false, 1);
	message = take(store, "web");
	assert_string_equal(message.rule, "digest");
	config.alerts.rules = (struct option_list){ .items = rules + 1, .count = 2 };
	restart(store);
	commit(store);
	assert_int_equal(tick(store, start + 2 * SECOND), 2);
	struct message over = take(store, "web");
	assert_string_equal(over.id, message.id);
	assert_true(over.resolved);
	expect_nothing(store);
}

/* 22:00 to 06:00 at +07:00; `start` is 05:26:40. */
static void test_what_is_owed_waits_for_the_morning(void **state)
{
	struct store *store = *state;
	int64_t evening = start + 17 * (int64_t)HOUR, morning = evening + 8 * HOUR;

	rules[0].quiet = (struct rule_quiet){
		.from = 22 * 60, .to = 6 * 60, .broken_by = SEVERITY_EXTREME
	};
	begin(store);
	assert_true(rule_is_quiet(&rules[0], evening));
	assert_false(rule_is_quiet(&rules[0], morning));
	silence(store, "dust", "", "", evening - 2 * HOUR, evening);
	assert_int_equal(say(store, "A", evening - HOUR, 60), 0);
	assert_int_equal(say(store, "A", evening, 60), 0);
	assert_int_equal(tick(store, evening), 0);
	assert_int_equal(say(store, "A", morning, 62), 0);
	assert_int_equal(tick(store, morning), 2);
	assert_string_equal(take(store, "web").title, "Vẫn còn: Bụi PM2.5 cao tại A");
	expect_nothing(store);
}

static void test_a_silenced_area_has_no_digest(void **state)
{
	struct store *store = *state;

	set_limit(1);
	begin(store);
	assert_int_equal(say(store, "A", start, 60), 2);
	assert_int_equal(say(store, "B", start + 1, 60), 0);
	silence(store, "", "", "hn-cau-giay", start, start + HOUR);
	assert_int_equal(tick(store, start + SECOND), 0);
	expect(store, "A", false, 1);
	assert_int_equal(say(store, "B", start + HOUR - SECOND, 30), 0);
	assert_int_equal(tick(store, start + HOUR + MINUTE), 0);
	expect_nothing(store);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, make_world, drop_world)
	const struct CMUnitTest tests[] = {
		TEST(test_silenced_and_told_afterwards),
		TEST(test_silenced_and_over),
		TEST(test_the_all_clear_waits),
		TEST(test_a_silence_into_the_night),
		TEST(test_silence_over_two_episodes),
		TEST(test_a_standing_one_is_told_once_more),
		TEST(test_nothing_from_stale_data),
		TEST(test_ended_by_hand),
		TEST(test_acknowledged),
		TEST(test_acknowledged_and_worse),
		TEST(test_a_fault_mutes_the_threshold),
		TEST(test_no_all_clear_from_a_fault),
		TEST(test_an_area_mutes_its_stations),
		TEST(test_a_station_outlives_the_area_alert),
		TEST(test_beyond_the_limit),
		TEST(test_the_highest_severity_passes),
		TEST(test_escalation_passes),
		TEST(test_over_before_the_digest),
		TEST(test_operators),
		TEST(test_gathering),
		TEST(test_a_step_of_the_clock),
		TEST(test_a_silenced_area_has_no_digest),
		TEST(test_a_digest_without_rules_ends),
		TEST(test_what_is_owed_waits_for_the_morning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
