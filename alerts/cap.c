#include "alerts/cap.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alerts/texts.h"
#include "config/station.h"
#include "core/clock.h"
#include "core/number.h"
#include "core/xml.h"

static const char *const languages[CAP_LANGUAGES] = { "vi-VN", "en-US" };

void cap_sender(const struct config *config, char sender[static CAP_SENDER_SIZE])
{
	const char *id = config->station.id;
	size_t used = 0;

	if (*config->alerts.cap.sender) {
		snprintf(sender, CAP_SENDER_SIZE, "%s", config->alerts.cap.sender);
		return;
	}
	for (; *id && used < CAP_SENDER_SIZE - sizeof ".muabui"; id++)
		sender[used++] = strchr(" ,<&\t", *id) ? '-' : *id;
	snprintf(sender + used, CAP_SENDER_SIZE - used, ".muabui");
}

void cap_web(const struct config *config, char web[static CAP_WEB_SIZE])
{
	if (*config->alerts.cap.web)
		snprintf(web, CAP_WEB_SIZE, "%s", config->alerts.cap.web);
	else
		snprintf(web, CAP_WEB_SIZE, "http://%s",
			config->http.enabled ? config->http.listen : "localhost");
}

/* CAP knows whole seconds and no "Z". */
static void put_time(struct buffer *out, const char *name, int64_t ms)
{
	char text[CLOCK_TEXT_SIZE];

	int64_t seconds = ms / 1000;
	xml_element(out, name, clock_format(text, seconds * 1000, TEXTS_OFFSET_MINUTES));
}

static void put_parameter(struct buffer *out, const char *name, const char *value)
{
	if (!*value)
		return;
	buffer_puts(out, "<parameter>\n");
	xml_element(out, "valueName", name);
	xml_element(out, "value", value);
	buffer_puts(out, "</parameter>\n");
}

static void put_number_parameter(struct buffer *out, const char *name, double value)
{
	char text[NUMBER_TEXT_SIZE];

	if (isnan(value))
		return;
	number_format(text, value);
	put_parameter(out, name, text);
}

/* --- what stands for what ------------------------------------------------------ */

static void put_categories(struct buffer *out, enum hazard hazard)
{
	static const char *const categories[HAZARD_COUNT][2] = {
		[HAZARD_AIR] = { "Env", "Health" },
		[HAZARD_RAIN] = { "Met", NULL },
		[HAZARD_WIND] = { "Met", NULL },
		[HAZARD_HEAT] = { "Met", "Health" },
		[HAZARD_WATER] = { "Met", "Env" },
		[HAZARD_DEVICE] = { "Infra", NULL },
	};

	for (int i = 0; i < 2; i++)
		xml_element(out, "category", categories[hazard][i]);
}

static const char *event_of(enum hazard hazard, int language)
{
	static const char *const events[HAZARD_COUNT][CAP_LANGUAGES] = {
		[HAZARD_AIR] = { "Ô nhiễm không khí", "Air pollution" },
		[HAZARD_RAIN] = { "Mưa lớn", "Heavy rain" },
		[HAZARD_WIND] = { "Gió mạnh", "Strong wind" },
		[HAZARD_HEAT] = { "Nắng nóng hoặc rét", "Heat or cold" },
		[HAZARD_WATER] = { "Ngập nước", "High water" },
		[HAZARD_DEVICE] = { "Thiết bị quan trắc", "Monitoring device" },
	};

	return events[hazard][language];
}

static const char *response_of(const struct message *message)
{
	static const char *const responses[] = {
		[SEVERITY_MINOR] = "Monitor",
		[SEVERITY_MODERATE] = "Avoid",
		[SEVERITY_SEVERE] = "Avoid",
		[SEVERITY_EXTREME] = "Shelter",
	};

	return message->resolved ? "AllClear" : responses[message->severity];
}

static const char *severity_of(const struct message *message)
{
	static const char *const severities[] = {
		[SEVERITY_MINOR] = "Minor",
		[SEVERITY_MODERATE] = "Moderate",
		[SEVERITY_SEVERE] = "Severe",
		[SEVERITY_EXTREME] = "Extreme",
	};

	return severities[message->severity];
}

/* --- the document ----------------------------------------------------------------- */

/*
 * Who and where: a reader needs a circle, or a code, or both. A station whose ward is not
 * known is a code of its own.
 */
static void put_area(struct buffer *out, const struct config *config,
	const struct cap_alert *alert, const struct message *message)
{
	bool has_area = message->area[0] != '\0';
	char name[2 * sizeof message->station_name + 8];

	snprintf(name, sizeof name, has_area ? "%s (%s)" : "%s", message->station_name,
		config_area_name(config, message->area));
	buffer_puts(out, "<area>\n");
	xml_element(out, "areaDesc", name);
	if (!isnan(alert->latitude) && !isnan(alert->longitude))
		buffer_printf(out, "<circle>%.5f,%.5f %.1f</circle>\n", alert->latitude,
			alert->longitude, config->alerts.cap.radius);
	buffer_puts(out, "<geocode>\n");
	xml_element(out, "valueName",
		has_area ? config->alerts.cap.geocode : "muabui:station");
	xml_element(out, "value", has_area ? message->area : message->station);
	buffer_puts(out, "</geocode>\n</area>\n");
}

static void put_info(struct buffer *out, const struct config *config,
	const struct cap_alert *alert, int language)
{
	const struct cap_config *cap = &config->alerts.cap;
	const struct message *message = alert->messages[language];
	char web[CAP_WEB_SIZE];

	cap_web(config, web);
	buffer_puts(out, "<info>\n");
	xml_element(out, "language", languages[language]);
	put_categories(out, message->hazard);
	xml_element(out, "event", event_of(message->hazard, language));
	xml_element(out, "responseType", response_of(message));
	xml_element(out, "urgency", message->resolved ? "Past" : "Immediate");
	xml_element(out, "severity", severity_of(message));
	xml_element(out, "certainty", "Observed");
	put_time(out, "effective", alert->sent_ms);
	put_time(out, "onset", message->since_ms);
	put_time(out, "expires",
		message->expires_ms > alert->sent_ms ? message->expires_ms
						     : alert->sent_ms);
	xml_element(out, "senderName",
		*cap->sender_name ? cap->sender_name : config->station.name);
	xml_element(out, "headline", message->title);
	xml_element(out, "description", message->text);
	xml_element(out, "instruction", message->instruction);
	xml_element(out, "web", web);
	xml_element(out, "contact", cap->contact);
	put_parameter(out, "station", message->station);
	put_parameter(out, "rule", message->rule);
	put_parameter(out, "metric", message->metric);
	put_number_parameter(out, "value", message->value);
	put_number_parameter(out, "threshold", message->threshold);
	put_parameter(out, "unit", message->unit);
	put_area(out, config, alert, message);
	buffer_puts(out, "</info>\n");
}

static void put_references(
	struct buffer *out, const struct cap_alert *alert, const char *sender)
{
	char sent[CLOCK_TEXT_SIZE];

	if (alert->reference_count == 0)
		return;
	buffer_puts(out, "<references>");
	for (size_t i = 0; i < alert->reference_count; i++) {
		const struct cap_reference *reference = &alert->references[i];

		clock_format(
			sent, reference->sent_ms / 1000 * 1000, TEXTS_OFFSET_MINUTES);
		buffer_puts(out, i ? " " : "");
		xml_text(out, sender);
		buffer_printf(out, ",%s.%d,%s", alert->messages[0]->id,
			reference->revision, sent);
	}
	buffer_puts(out, "</references>\n");
}

void cap_write(
	const struct config *config, const struct cap_alert *alert, struct buffer *out)
{
	static const char *const statuses[] = { "Actual", "Exercise", "System", "Test",
		"Draft" };
	const struct message *message = alert->messages[0];
	char sender[CAP_SENDER_SIZE], identifier[EPISODE_SIZE + 16];

	cap_sender(config, sender);
	snprintf(identifier, sizeof identifier, "%s.%d", message->id, message->revision);
	buffer_puts(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\">\n");
	xml_element(out, "identifier", identifier);
	xml_element(out, "sender", sender);
	put_time(out, "sent", alert->sent_ms);
	xml_element(out, "status",
		message->test ? "Test" : statuses[config->alerts.cap.status]);
	xml_element(out, "msgType",
		alert->reference_count == 0 ? "Alert"
			: message->resolved ? "Cancel"
					    : "Update");
	xml_element(out, "scope", "Public");
	put_references(out, alert, sender);
	for (int i = 0; i < CAP_LANGUAGES; i++)
		put_info(out, config, alert, i);
	buffer_puts(out, "</alert>\n");
}
