/*
 * Citizens' alerts for other systems: an Atom feed of what holds, and each message in CAP
 * 1.2 at an address of its own, for as long as it is kept.
 */
#ifndef MUABUI_WEB_FEEDS_H
#define MUABUI_WEB_FEEDS_H

#include "web/route.h"

void feed_cap(const struct web_request *request, struct web_reply *reply);
void feed_cap_message(const struct web_request *request, struct web_reply *reply);

#endif
