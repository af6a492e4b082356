#include "gateway/timekeeper.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "store/state.h"

enum {
	STEP_MS = 2000, /* less is slewing, a leap second, or two readings of the clock */
};

static const char kind[] = "clock"; /* of the state in the store; of no source */

/* --- what is remembered ---------------------------------------------------- */

static void take_boots(void *arg, const void *bytes, size_t length)
{
	struct timekeeper *keeper = arg;

	if (length != sizeof keeper->boots)
		return;
	memcpy(keeper->boots, bytes, length);
	for (size_t i = 0; i < TIMEKEEPER_BOOTS; i++)
		keeper->boots[i].boot[UNDATED_BOOT_SIZE - 1] = '\0';
}

void timekeeper_reload(struct timekeeper *keeper)
{
	memset(keeper->boots, 0, sizeof keeper->boots);
	if (store_state_get(keeper->store, 0, kind, take_boots, keeper) < 0)
		log_warning("%s", store_error(keeper->store));
	keeper->was_believed = keeper->boots[0].boot[0] &&
		strcmp(keeper->boots[0].boot, clock_boot_id()) == 0;
	keeper->dirty = false;
}

static void note_offset(struct timekeeper *keeper, int64_t offset_ms)
{
	if (!keeper->was_believed) {
		memmove(keeper->boots + 1, keeper->boots,
			(TIMEKEEPER_BOOTS - 1) * sizeof *keeper->boots);
		snprintf(keeper->boots[0].boot, sizeof keeper->boots[0].boot, "%s",
			clock_boot_id());
	}
	keeper->boots[0].offset_ms = offset_ms;
	keeper->was_believed = true;
	keeper->dirty = true;
}

int timekeeper_save(struct timekeeper *keeper, int64_t now_ms)
{
	if (keeper->dirty &&
		store_state_set(
			keeper->store, 0, kind, keeper->boots, sizeof keeper->boots) < 0)
		return -1;
	keeper->dirty = false;
	/* A time that was only played must not be believed to have been. */
	if (!clock_is_set() || clock_state() == CLOCK_SIMULATED)
		return 0;
	return store_set_mark(keeper->store, STORE_KNOWN_MS, now_ms);
}

/* --- belief ----------------------------------------------------------------- */

void timekeeper_init(struct timekeeper *keeper, const struct clock_config *config,
	struct store *store, struct recorder_stats *stats)
{
	int64_t wall_ms = clock_wall_ms();

	*keeper = (struct timekeeper){
		.config = *config,
		.store = store,
		.stats = stats,
		.known_ms = store_mark(store, STORE_KNOWN_MS),
		.first_mono_ms = clock_mono_ms(),
	};
	keeper->first_offset_ms = wall_ms - keeper->first_mono_ms;
	timekeeper_reload(keeper);
	if (keeper->was_believed)
		keeper->doubt = NULL; /* whatever made it doubtful has been settled */
	else if (wall_ms < keeper->known_ms)
		keeper->doubt = "it is behind what was stored before";
	else if (!config->battery)
		keeper->doubt = "it has no battery";
	keeper->is_in_doubt = keeper->doubt != NULL;
	clock_doubt(keeper->is_in_doubt);
	clock_know(keeper->known_ms);
}

/* Is there something now that speaks for a clock that is in doubt? */
static bool doubt_is_over(
	const struct timekeeper *keeper, int64_t wall_ms, int64_t mono_ms)
{
	int64_t stepped_ms = wall_ms - mono_ms - keeper->first_offset_ms;

	if (clock_is_synchronised())
		return true;
	if (stepped_ms > STEP_MS && wall_ms >= keeper->known_ms)
		return true; /* somebody has set it */
	if (mono_ms - keeper->first_mono_ms < keeper->config.wait_for_sync)
		return false;
	log_warning(
		"the clock is doubtful (%s), and nobody has set it for %" PRId64
		" s; it is believed from now on, but the times of what is measured may be "
		"wrong: is there a time server?",
		keeper->doubt, keeper->config.wait_for_sync / 1000);
	return true;
}

/* May WALL_MS be believed? */
static bool judge(struct timekeeper *keeper, int64_t wall_ms, int64_t mono_ms)
{
	if (!clock_is_plausible(wall_ms))
		return false;
	if (keeper->is_in_doubt && clock_state() != CLOCK_SIMULATED &&
		!doubt_is_over(keeper, wall_ms, mono_ms))
		return false;
	keeper->is_in_doubt = false;
	clock_doubt(false);
	return true;
}

static void say_belief(bool believes, const char *doubt, int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(text, wall_ms / 1000 * 1000, VIEW_OFFSET_MINUTES);
	if (believes)
		log_notice("the clock is right now: %s (%s)", text, clock_source());
	else
		log_warning("the clock is not right: it says %s%s%s; readings wait until "
			    "it is set",
			text, doubt ? ", and " : "", doubt ? doubt : "");
}

static enum clock_event turn(struct timekeeper *keeper, bool believes, int64_t wall_ms)
{
	/* That a clock is right from the start is not worth a line. */
	if (keeper->has_looked ? believes != keeper->believes : !believes)
		say_belief(believes, keeper->is_in_doubt ? keeper->doubt : NULL, wall_ms);
	bool turned = believes && !keeper->believes;
	keeper->was_unset |= !believes;
	keeper->believes = believes;
	keeper->has_looked = true;
	return turned ? CLOCK_BELIEVED : CLOCK_GOES_ON;
}

enum clock_event timekeeper_look(struct timekeeper *keeper, struct clock_step *step)
{
	int64_t wall_ms, mono_ms;

	clock_stamp(&wall_ms, &mono_ms);
	bool believes = judge(keeper, wall_ms, mono_ms);
	if (!believes || !clock_can_step())
		return turn(keeper, believes, wall_ms);
	if (!keeper->was_believed)
		note_offset(keeper, wall_ms - mono_ms);
	int64_t away_ms = wall_ms - mono_ms - keeper->boots[0].offset_ms;
	if (away_ms >= -STEP_MS && away_ms <= STEP_MS)
		return turn(keeper, believes, wall_ms);
	*step = (struct clock_step){
		.since_ms = keeper->boots[0].offset_ms,
		.by_ms = away_ms,
	};
	return CLOCK_STEPPED;
}

void timekeeper_follow(struct timekeeper *keeper, const struct clock_step *step)
{
	log_notice("the clock was set %s by %.3f s; sums and times go on from there",
		step->by_ms > 0 ? "forward" : "back",
		(double)(step->by_ms > 0 ? step->by_ms : -step->by_ms) / 1000);
	note_offset(keeper, step->since_ms + step->by_ms);
	atomic_fetch_add(&keeper->stats->clock_steps, 1);
	keeper->stats->clock_step_ms = clock_wall_ms();
	keeper->stats->clock_step_by_ms = step->by_ms;
}

bool timekeeper_was_misled(const struct timekeeper *keeper, int64_t now_ms)
{
	return now_ms < keeper->known_ms || keeper->was_unset;
}

/* --- dating ------------------------------------------------------------------ */

/* What is known of BOOT's clock; NULL: nothing yet, or nothing any more. */
static const struct boot_time *find_boot(
	const struct timekeeper *keeper, const char *boot)
{
	bool is_ours = strcmp(boot, clock_boot_id()) == 0;

	if (is_ours && !(keeper->believes && keeper->was_believed))
		return NULL;
	for (size_t i = 0; i < TIMEKEEPER_BOOTS && boot[0]; i++)
		if (strcmp(keeper->boots[i].boot, boot) == 0)
			return &keeper->boots[i];
	return NULL;
}

/* Its own device's time is nothing of ours, as long as it can be. */
static bool has_device_time(const struct report *report)
{
	return (report->marks & REPORT_DEVICE_TIME) && report_time_is_possible(report);
}

bool timekeeper_is_off(
	const struct timekeeper *keeper, const struct report *report, const char *boot)
{
	int64_t offset_ms = report->time_ms - report->mono_ms;
	int64_t away_ms = offset_ms - keeper->boots[0].offset_ms;

	/* The usual case first: this is asked of every report. */
	if ((away_ms >= -STEP_MS && away_ms <= STEP_MS) || report->mono_ms == 0 ||
		!keeper->was_believed || !clock_can_step())
		return false;
	return !(report->marks & (REPORT_DEVICE_TIME | REPORT_CLOCK_UNSET)) &&
		strcmp(boot, clock_boot_id()) == 0;
}

bool timekeeper_date(
	const struct timekeeper *keeper, struct report *report, const char *boot)
{
	bool is_off = timekeeper_is_off(keeper, report, boot);
	bool is_unset = (report->marks & REPORT_CLOCK_UNSET) ||
		((report->marks & REPORT_DEVICE_TIME) && !has_device_time(report));

	if (!is_off && !is_unset)
		return true;
	const struct boot_time *known = find_boot(keeper, boot);
	if (!known)
		return !is_unset;
	report->time_ms = report->mono_ms + known->offset_ms;
	report->marks &= (uint16_t) ~(REPORT_CLOCK_UNSET | REPORT_DEVICE_TIME);
	if (is_unset)
		report->marks |= REPORT_BACKFILLED;
	return true;
}
