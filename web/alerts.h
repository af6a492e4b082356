/*
 * /api/v1/alerts: citizens' alerts, newest first. An object {"alerts": […], "next"}: each
 * alert is the newest message of its episode, in the webhook's form (DESIGN §5), with
 * "announced" and "active" (neither over nor expired). Arguments:
 *
 *   from, to   RFC 3339; announced in [from, to). Without them the last 24 hours, and
 *              whatever is active
 *   limit      1 to 1000, 100 unless told
 *   lang       vi or en
 *
 * "next" is the `to` of the following page, null on the last.
 */
#ifndef MUABUI_WEB_ALERTS_H
#define MUABUI_WEB_ALERTS_H

#include "core/json.h"
#include "store/episodes.h"
#include "web/route.h"

/* Writes MESSAGE in this form. */
void alerts_put(struct json *json, const struct episode_message *message,
	enum words_language language, int64_t now_ms);

void api_alerts(const struct web_request *request, struct web_reply *reply);

#endif
