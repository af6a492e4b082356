#include "alerts/push_request.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

enum { SECONDS_DIGITS = 9, DATE_MAX = 64 };

void push_request_reset(struct push_request *request)
{
	request->status = 0;
	request->retry_after_ms = -1;
	request->reason[0] = '\0';
	request->excerpt = 0;
	request->sent = 0;
	request->is_unseen = false;
	request->is_forbidden = false;
}

void push_request_excerpt(struct push_request *request, const char *bytes, size_t length)
{
	size_t room = sizeof request->reason - 1 - request->excerpt;

	length = length < room ? length : room;
	memcpy(request->reason + request->excerpt, bytes, length);
	request->excerpt += length;
	request->reason[request->excerpt] = '\0';
}

void push_request_end(struct push_request *request, int status, const char *why)
{
	request->status = status;
	if (status == 0)
		snprintf(request->reason, sizeof request->reason, "%s", why);
	else if (status < 300)
		request->reason[0] = '\0';
}

void push_request_retry_after(
	struct push_request *request, const char *value, size_t length)
{
	char text[DATE_MAX];

	snprintf(text, sizeof text, "%.*s", (int)length, value);
	if (*text && text[strspn(text, "0123456789")] == '\0') {
		request->retry_after_ms = length > SECONDS_DIGITS
			? INT64_MAX
			: strtoll(text, NULL, 10) * 1000;
		return;
	}
	time_t until = curl_getdate(text, NULL);
	int64_t left = (int64_t)until * 1000 - clock_wall_ms();
	if (until != -1)
		request->retry_after_ms = left > 0 ? left : 0;
}

void push_requests_add(struct push_requests *list, struct push_request *request)
{
	request->previous = list->last;
	request->next = NULL;
	if (list->last)
		list->last->next = request;
	else
		list->first = request;
	list->last = request;
	list->count++;
}

void push_requests_remove(struct push_requests *list, struct push_request *request)
{
	if (request->previous)
		request->previous->next = request->next;
	else
		list->first = request->next;
	if (request->next)
		request->next->previous = request->previous;
	else
		list->last = request->previous;
	request->previous = request->next = NULL;
	list->count--;
}

struct push_request *push_requests_pop(struct push_requests *list)
{
	struct push_request *request = list->first;

	if (request)
		push_requests_remove(list, request);
	return request;
}
