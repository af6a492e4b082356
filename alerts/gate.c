/* May an alert be told, now and by itself? Silences, inhibition, limits. */
#include "alerts/engine.h"

#include "alerts/message.h"
#include "store/desk.h"

void gate_site(
	const struct alerts *alerts, const struct subject *subject, struct site *site)
{
	if (subject->rule->scope == RULE_OF_AREA)
		site_of_area(site, alerts->config, subject->place->station);
	else
		site_of_station(
			site, alerts->config, alerts->directory, subject->place->station);
	site->indicative |= subject->entry->indicative;
}

bool gate_is_silenced(
	const struct alerts *alerts, const struct subject *subject, int64_t now_ms)
{
	struct site site;

	if (!desk_has_silences(alerts->desk))
		return false;
	gate_site(alerts, subject, &site);
	return desk_covers(alerts->desk, subject->rule->name,
		       site.is_area ? "" : site.place, site.area, now_ms) > 0;
}

/* --- inhibition ---------------------------------------------------------- */

/* Does an alert of OTHER about the device explain what SUBJECT's values say? */
static bool is_fault_of(const struct rule *other, const struct subject *subject)
{
	return other != subject->rule && other->metric == subject->rule->metric &&
		other->scope == subject->rule->scope &&
		rule_hazard(other) == HAZARD_DEVICE &&
		rule_hazard(subject->rule) != HAZARD_DEVICE;
}

bool gate_has_fault(const struct alerts *alerts, const struct subject *subject)
{
	for (size_t i = 0; i < alerts->rule_count; i++) {
		const struct entry *entry = subject->place->entries[i];

		if (entry && episode_stands(entry) &&
			is_fault_of(&alerts->rules[i], subject))
			return true;
	}
	return false;
}

static bool covers_area_of(const struct rule *other, const struct subject *subject)
{
	return other->scope == RULE_OF_AREA &&
		other->audience == subject->rule->audience &&
		rule_hazard(other) == rule_hazard(subject->rule);
}

static bool area_is_told(
	const struct alerts *alerts, const struct subject *subject, int severity)
{
	const struct place *area = NULL;
	struct site site;

	for (size_t i = 0; i < alerts->rule_count; i++) {
		const struct rule *other = &alerts->rules[i];

		if (!covers_area_of(other, subject))
			continue;
		if (!area) {
			gate_site(alerts, subject, &site);
			area = places_find(&alerts->places, site.area);
		}
		if (!area)
			return false;
		const struct entry *entry = area->entries[i];
		if (entry && episode_stands(entry) && (entry->told || entry->digested) &&
			entry->severity >= severity)
			return true;
	}
	return false;
}

bool gate_is_inhibited(
	const struct alerts *alerts, const struct subject *subject, int severity)
{
	if (gate_has_fault(alerts, subject))
		return true;
	return subject->rule->scope != RULE_OF_AREA &&
		area_is_told(alerts, subject, severity);
}

/* --- the limit ----------------------------------------------------------- */

/* Citizens' alerts of one hazard that begin together are told together. */
static bool joins_another(struct alerts *alerts, const struct subject *subject,
	const struct site *site, int64_t now_ms)
{
	int64_t gather = alerts->config->alerts.limit.gather;

	if (gather <= 0 || subject->rule->audience != AUDIENCE_CITIZENS)
		return false;
	const struct digest *digest = digests_get(&alerts->digests,
		subject->rule->audience, site->area, rule_hazard(subject->rule));
	return digest &&
		(digest->due_ms > 0 ||
			(digest->near_ms <= now_ms && now_ms - digest->near_ms < gather));
}

bool gate_is_limited(struct alerts *alerts, const struct subject *subject, int severity,
	int64_t now_ms)
{
	struct site site;

	if (severity >= SEVERITY_EXTREME)
		return false;
	gate_site(alerts, subject, &site);
	return joins_another(alerts, subject, &site, now_ms) ||
		!limit_allows(&alerts->limit, subject->rule->audience, site.area, now_ms);
}
