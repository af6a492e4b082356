#include "outputs/tt10_collect.h"

#include "store/reports.h"

static const int64_t earliest_ms = 1577836800000; /* 2020-01-01: nothing is older */

static void open_at(struct tt10_collector *collector, int64_t end_ms)
{
	collector->open = (struct tt10_period){ .end_ms = end_ms };
	collector->next = (struct tt10_period){
		.end_ms = end_ms + collector->settings->period_ms,
	};
}

void tt10_collect_begin(struct tt10_collector *collector,
	const struct tt10_settings *settings, int64_t settle_ms, int64_t sent_ms)
{
	*collector = (struct tt10_collector){
		.settings = settings,
		.settle_ms = settle_ms,
		.running_ms = INT64_MAX,
	};
	if (sent_ms > 0)
		open_at(collector, sent_ms + settings->period_ms);
}

static bool is_possible(const struct report *report, int64_t latest_ms)
{
	return !(report->marks & (REPORT_CLOCK_UNSET | REPORT_RETAINED)) &&
		report->time_ms >= earliest_ms && report->time_ms <= latest_ms;
}

bool tt10_collect_has_file(const struct tt10_collector *collector)
{
	const struct tt10_period *open = &collector->open;

	return open->first_id > 0 ||
		open->end_ms - collector->settings->period_ms >= collector->running_ms;
}

bool tt10_collect(struct tt10_collector *collector, const struct stored_report *stored,
	int64_t latest_ms)
{
	const struct report *report = &stored->report;
	int64_t period_ms = collector->settings->period_ms;
	struct tt10_period *period = &collector->open;

	if (!is_possible(report, latest_ms))
		return true;
	if (period->end_ms == 0)
		open_at(collector, tt10_period_end(report->time_ms, period_ms));
	if (report->time_ms <= period->end_ms - period_ms) {
		collector->late++;
		return true;
	}
	if (report->time_ms > period->end_ms + collector->settle_ms)
		return false;
	if (report->time_ms > period->end_ms)
		period = &collector->next;
	if (period->first_id == 0)
		period->first_id = stored->id;
	tt10_period_add(collector->settings, period, report);
	return true;
}

bool tt10_collect_is_over(const struct tt10_collector *collector, int64_t now_ms)
{
	return collector->open.end_ms > 0 &&
		now_ms >= collector->open.end_ms + collector->settle_ms;
}

int64_t tt10_collect_advance(struct tt10_collector *collector, int64_t scanned)
{
	collector->open = collector->next;
	collector->next = (struct tt10_period){
		.end_ms = collector->open.end_ms + collector->settings->period_ms,
	};
	return collector->open.first_id > 0 ? collector->open.first_id - 1 : scanned;
}
