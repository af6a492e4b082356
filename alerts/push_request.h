/* One POST to a push service, whichever way it goes. */
#ifndef MUABUI_ALERTS_PUSH_REQUEST_H
#define MUABUI_ALERTS_PUSH_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct curl_slist;
struct push_http2;
struct push_requests;

enum { PUSH_REASON_SIZE = 160 };

/* Zeroed before its first use; used again as often as one likes. */
struct push_request {
	const char *origin; /* "https://host[:port]" of the URL */
	const char *url;
	const struct curl_slist *headers;
	const void *body;
	size_t length;
	bool may_be_private; /* private addresses are fine: the host was named */

	int status;                    /* 0: no answer came */
	int64_t retry_after_ms;        /* -1: nothing was said */
	char reason[PUSH_REASON_SIZE]; /* as it came: to be made printable; "" when taken
					*/

	/* The wire's own from here on. */
	void *easy;
	struct push_http2 *connection; /* that it is on */
	struct push_requests *waiting; /* the list in which it waits for one */
	bool is_easy;                  /* libcurl has it */
	int32_t stream;
	size_t sent; /* of the body */
	int64_t deadline_ms;
	int tries;
	bool is_unseen;
	bool is_forbidden;
	size_t excerpt; /* bytes of the answer in reason */
	struct push_request *previous, *next;
};

/* Forgets what became of it the last time. */
void push_request_reset(struct push_request *request);

/* Adds to its reason what the answer's body begins with. */
void push_request_excerpt(struct push_request *request, const char *bytes, size_t length);

/* It is over: with STATUS, or (0) because of WHY. */
void push_request_end(struct push_request *request, int status, const char *why);

/* A Retry-After header's VALUE: seconds, or a date. */
void push_request_retry_after(
	struct push_request *request, const char *value, size_t length);

/* A list with both ends; requests stand in one at a time. */
struct push_requests {
	struct push_request *first, *last;
	unsigned count;
};

void push_requests_add(struct push_requests *list, struct push_request *request);
void push_requests_remove(struct push_requests *list, struct push_request *request);
struct push_request *push_requests_pop(struct push_requests *list); /* NULL: empty */

#endif
