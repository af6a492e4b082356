#include "alerts/telling.h"

#include <stdio.h>

#include "alerts/overrides.h"
#include "alerts/texts_digest.h"
#include "config/station.h"
#include "config/config.h"

static void copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

void telling_of_event(struct telling *telling, const struct rule *rule,
	const struct site *site, const struct rule_event *event, const char *episode,
	int revision, int64_t now_ms)
{
	struct message *message = &telling->message;

	*telling = (struct telling){
		.about = text_about_event(rule, event),
		.audience = rule->audience,
		.latitude = site->latitude,
		.longitude = site->longitude,
	};
	*message = (struct message){
		.revision = revision,
		.resolved = event->kind == RULE_RESOLVE,
		.hazard = rule_hazard(rule),
		.severity = (enum severity)event->severity,
		.value = event->value,
		.threshold = event->threshold,
		.since_ms = event->since_ms,
		.at_ms = event->at_ms,
		.expires_ms = now_ms + rule->expires,
	};
	telling->about.is_indicative = site->indicative &&
		rule->metric->hazard == HAZARD_AIR && rule->absent_for == 0;
	copy(message->id, sizeof message->id, episode);
	copy(message->rule, sizeof message->rule, rule->name);
	copy(message->metric, sizeof message->metric, rule->metric->name);
	copy(message->unit, sizeof message->unit, rule->metric->unit);
	copy(message->station, sizeof message->station, site->place);
	copy(message->station_name, sizeof message->station_name, site->name);
	copy(message->area, sizeof message->area, site->area);
}

void telling_render(const struct telling *telling, const struct config *config,
	int language, struct buffer *body)
{
	struct message message = telling->message;

	copy(message.language, sizeof message.language, config_languages[language]);
	texts_fill_about(&message, &telling->about);
	overrides_apply(config, &telling->about, &message);
	if (telling->is_digest)
		texts_make_digest(&message, &telling->about, telling->stations,
			config_area_name(config, message.area));
	message_to_json(&message, body);
}
