#include "web/route.h"

#include "web/alerts.h"
#include "web/api.h"
#include "web/asset.h"
#include "web/openapi.h"
#include "web/raw.h"
#include "web/signup.h"
#include "web/sta.h"
#include "web/events.h"
#include "web/feeds.h"
#include "web/history.h"
#include "web/metrics.h"
#include "web/page.h"
#include "web/page_alerts.h"

static void handle_health(const struct web_request *request, struct web_reply *reply)
{
	reply->status = view_health(request->view, &reply->body);
	reply->type = "text/plain; charset=utf-8";
	buffer_putc(&reply->body, '\n');
}

/* They do not change; what is kept of them is compressed once. */
#define ASSET(PATH)                                                          \
	{                                                                    \
		.path = PATH, .handle = asset_handle, .keep_ms = 3600 * 1000 \
	}

static const char *const json_only[] = { "application/json", NULL };

static const char *const csv_only[] = { "text/csv", NULL };
static const char *const events_only[] = { "text/event-stream", NULL };
static const char *const json_or_text[] = { "application/json", "text/plain", NULL };
static const char *const json_or_csv[] = {
	[HISTORY_JSON] = "application/json",
	[HISTORY_CSV] = "text/csv",
	NULL,
};

static const char *const history_arguments[] = { "metric", "sensor", "from", "to", "step",
	NULL };
static const char *const list_arguments[] = { "fields", "limit", "cursor", NULL };
static const char *const alerts_arguments[] = { "from", "to", "limit", NULL };
static const char *const area_argument[] = { "area", NULL };

const struct web_route web_routes[] = {
	{ .path = "/", .handle = page_home, .keep_ms = 1000 },
	{ .path = "/stations",
		.handle = page_stations,
		.keep_ms = 1000,
		.arguments = area_argument },
	{ .path = "/stations/{id}", .handle = page_station, .keep_ms = 1000 },
	{ .path = "/alerts", .handle = page_alerts, .keep_ms = 1000 },
	{ .path = "/about", .handle = page_about, .keep_ms = 1000 },
	ASSET("/assets/{id}/style.css"),
	ASSET("/assets/{id}/page.js"),
	ASSET("/assets/{id}/charts.js"),
	ASSET("/assets/{id}/draw.js"),
	ASSET("/assets/{id}/finder.js"),
	ASSET("/assets/{id}/kiosk.js"),
	ASSET("/assets/{id}/kiosk.css"),
	ASSET("/assets/{id}/map.js"),
	ASSET("/assets/{id}/push.js"),
	ASSET("/assets/{id}/tools.js"),
	ASSET("/assets/{id}/words.js"),
	ASSET("/sw.js"),
	ASSET("/manifest.json"),
	ASSET("/icon.svg"),
	ASSET("/icon-192.png"),
	ASSET("/icon-512.png"),
	ASSET("/icon-mask.png"),
	{ .path = "/api/v1/stations",
		.handle = api_stations,
		.keep_ms = 1000,
		.arguments = list_arguments,
		.types = json_only },
	{ .path = "/api/v1/stations/{id}",
		.handle = api_station,
		.keep_ms = 1000,
		.types = json_only },
	{ .path = "/api/v1/stations/{id}/history",
		.handle = history_handle,
		.keep_ms = 5000,
		.arguments = history_arguments,
		.types = json_or_csv,
		.is_costly = true },
	{ .path = "/api/v1/stations/{id}/history.csv",
		.handle = history_csv_handle,
		.is_costly = true },
	{ .path = "/api/v1/alerts",
		.handle = api_alerts,
		.keep_ms = 1000,
		.arguments = alerts_arguments,
		.types = json_only,
		.is_costly = true },
	{ .path = "/api/v1/openapi.json",
		.handle = openapi_handle,
		.keep_ms = 60000,
		.types = json_only },
	{ .path = "/api/v1/readings.csv",
		.handle = raw_handle,
		.types = csv_only,
		.is_costly = true },
	{ .path = "/api/v1/events", .handle = events_handle, .types = events_only },
	{ .path = "/sta/v1.1",
		.handle = sta_handle,
		.keep_ms = 1000,
		.arguments = sta_arguments,
		.types = json_or_text,
		.is_costly = true },
	{ .path = "/sta/v1.1/{rest}",
		.handle = sta_handle,
		.keep_ms = 1000,
		.arguments = sta_arguments,
		.types = json_or_text,
		.is_costly = true },
	{ .path = "/feeds/cap.xml", .handle = feed_cap },
	{ .path = "/feeds/cap/{id}", .handle = feed_cap_message },
	{ .path = "/api/v1/push-key", .handle = signup_key },
	{ .path = "/api/v1/subscriptions",
		.handle = signup_subscriptions,
		.methods = WEB_POST },
	{ .path = "/api/v1/subscriptions/{id}",
		.handle = signup_subscription,
		.methods = WEB_PATCH | WEB_DELETE },
	{ .path = "/metrics", .handle = metrics_handle, .keep_ms = 1000 },
	{ .path = "/healthz", .handle = handle_health },
	{ .path = NULL },
};
