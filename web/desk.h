/*
 * Where people subscribe to alerts by Web Push, change that, and end it (DESIGN §5): the
 * only requests over HTTP that change anything.
 *
 * GET    /api/v1/push-key             {"key"}: what a browser subscribes with
 * POST   /api/v1/subscriptions        201 {"id"}; the id is the secret, nothing lists
 * them PATCH  /api/v1/subscriptions/{id}   204; 410 where its push service has forgotten
 * it DELETE /api/v1/subscriptions/{id}   204
 *
 * Without a webpush channel none of these addresses is there.
 */
#ifndef MUABUI_WEB_DESK_H
#define MUABUI_WEB_DESK_H

#include "config/config.h"
#include "web/route.h"

/* Used by the server's thread only, but for the first and the last. */
struct desk;

/* NULL: CONFIG has no webpush channel, or memory is out. The free accepts NULL. */
struct desk *desk_new(const struct config *config);
void desk_free(struct desk *desk);

void desk_key(const struct web_request *request, struct web_reply *reply);
void desk_subscriptions(const struct web_request *request, struct web_reply *reply);
void desk_subscription(const struct web_request *request, struct web_reply *reply);

#endif
