/* The ways to a push service that libcurl goes: HTTP/1.1, and connecting for HTTP/2. */
#ifndef MUABUI_ALERTS_PUSH_EASY_H
#define MUABUI_ALERTS_PUSH_EASY_H

#include <curl/curl.h>

#include "alerts/push_request.h"

/*
 * REQUEST on MULTI; when curl says that it is done, push_easy_end() fills in what became
 * of it and takes it off. False: out of memory.
 */
bool push_easy_send(
	CURLM *multi, struct push_request *request, long timeout_ms, const char *ca_file);
void push_easy_end(CURLM *multi, struct push_request *request, CURLcode code);

/* A connection to come about: no byte is sent on it. */
struct push_dial {
	CURL *easy; /* NULL: not under way */
	bool may_be_private;
	bool is_forbidden; /* the name leads to a private address, and may not */
};

/* Begins to connect to ORIGIN ("https://host[:port]"). False: out of memory. */
bool push_dial_begin(
	CURLM *multi, struct push_dial *dial, const char *origin, long timeout_ms);

/* Curl says that DIAL is done: the connected socket, or -1 with the reason in WHY. */
int push_dial_end(
	CURLM *multi, struct push_dial *dial, CURLcode code, char *why, size_t size);

/* Gives it up; accepts one that is not under way. */
void push_dial_cancel(CURLM *multi, struct push_dial *dial);

#endif
