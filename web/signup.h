/*
 * Where people subscribe to alerts by Web Push, change that, and end it (DESIGN §5): the
 * only requests over HTTP that change anything.
 *
 * GET    /api/v1/push-key             {"key"}: what a browser subscribes with
 * POST   /api/v1/subscriptions        201 {"id"}; the id is the secret
 * PATCH  /api/v1/subscriptions/{id}   204; 410 where its push service has forgotten it
 * DELETE /api/v1/subscriptions/{id}   204
 *
 * Without a webpush channel none of these addresses is there.
 */
#ifndef MUABUI_WEB_SIGNUP_H
#define MUABUI_WEB_SIGNUP_H

#include "config/config.h"
#include "web/route.h"

/* Thread-safe, but for the first and the last. */
struct signup;

/* NULL: CONFIG has no webpush channel, or memory is out. The free accepts NULL. */
struct signup *signup_new(const struct config *config);
void signup_free(struct signup *signup);

void signup_key(const struct web_request *request, struct web_reply *reply);
void signup_subscriptions(const struct web_request *request, struct web_reply *reply);
void signup_subscription(const struct web_request *request, struct web_reply *reply);

#endif
