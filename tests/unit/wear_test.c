/* What `check` says of power cuts and flash cards: the formula of gateway/wear.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/wear.h"

struct asked {
	int64_t every;
	int mode;
};

static const char *const modes[] = { "active", "passive", NULL };

static const struct option asked_options[] = {
	{ .name = "every",
		.type = OPTION_DURATION,
		.offset = offsetof(struct asked, every) },
	{ .name = "mode",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct asked, mode),
		.choices = modes },
	{ .name = NULL },
};

static const struct option no_options[] = { { .name = NULL } };

static const struct option_kind asked = { .name = "asked",
	.group = { .options = asked_options } };
static const struct option_kind talks = { .name = "talks",
	.group = { .options = no_options } };
static const struct option_kind mqtt = { .name = "mqtt",
	.group = { .options = no_options } };

static struct wear estimate(
	struct option_item *items, size_t count, int64_t commit_every, int durability)
{
	struct config config = {
		.store = { .commit_every = commit_every, .durability = durability },
		.sensors = { .items = items, .count = count },
	};
	struct wear wear;

	wear_estimate(&config, &wear);
	return wear;
}

static void nothing_costs_nothing(void **state)
{
	(void)state;
	struct wear wear = estimate(NULL, 0, 1000, DURABILITY_GROUPED);

	assert_true(wear.reports == 0 && wear.commits == 0 && wear.bytes == 0);
}

static void commits_are_what_wears(void **state)
{
	(void)state;
	struct asked passive = { .every = 10000, .mode = 1 }, active = { .every = 10000 };
	struct option_item items[] = {
		{ .kind = &asked, .options = &passive },
		{ .kind = &asked,
			.options = &active }, /* talks, whatever is configured */
		{ .kind = &talks, .options = &active },
	};
	struct wear one = estimate(items, 1, 1000, DURABILITY_GROUPED);
	assert_true(one.reports == 8640 && one.commits == 8640);
	struct wear all = estimate(items, 3, 1000, DURABILITY_GROUPED);
	assert_true(all.reports == 8640 + 2 * 86400 && all.commits == 86400);
	struct wear rare = estimate(items, 3, 60000, DURABILITY_GROUPED);
	assert_true(rare.commits == 1440 && rare.lost_ms == 60000);
	assert_true(rare.bytes < all.bytes / 2 && rare.bytes > 0);
	/* Two talking sensors at 1 s: measured were 829 MB a day, at 10 s 212. */
	assert_in_range(
		estimate(items + 1, 2, 1000, DURABILITY_GROUPED).bytes / 1e6, 750, 910);
	assert_in_range(
		estimate(items + 1, 2, 10000, DURABILITY_GROUPED).bytes / 1e6, 190, 245);
}

static void each_message_is_a_commit(void **state)
{
	(void)state;
	struct asked none = { .every = 0 };
	struct option_item items[] = {
		{ .kind = &talks, .options = &none },
		{ .kind = &mqtt, .options = &none },
	};
	struct wear grouped = estimate(items, 2, 60000, DURABILITY_GROUPED);
	struct wear each = estimate(items, 2, 60000, DURABILITY_EACH);

	assert_true(grouped.commits == 1440 && !grouped.acknowledged);
	assert_true(each.commits == 1440 + 8640 && each.acknowledged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_costs_nothing),
		cmocka_unit_test(commits_are_what_wears),
		cmocka_unit_test(each_message_is_a_commit),
	};

	return cmocka_run_group_tests_name("wear", tests, NULL, NULL);
}
