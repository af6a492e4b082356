/*
 * Replies that serve everybody who asks for the same, for a second or so: however many
 * ask, a reply is made once. A table of fixed size and weight. Thread-safe.
 */
#ifndef MUABUI_WEB_KEPT_H
#define MUABUI_WEB_KEPT_H

#include <microhttpd.h>

#include "web/route.h"

enum {
	KEPT_REPLIES = 128,
	KEPT_BYTES = 16 << 20, /* of bodies; a larger one is not kept */
	KEPT_KEY_SIZE = 256,
};

struct kept_reply {
	struct MHD_Response *response, *unchanged; /* with and without its body */
	unsigned status;
	char etag[24];
	int64_t modified_ms;
	size_t bytes;
};

struct kept;

/* NULL: memory is out. The free accepts NULL. */
struct kept *kept_new(void);
void kept_free(struct kept *kept);

/*
 * By what a reply of ROUTE to REQUEST is known again: path, language, ZIPPED, and the
 * arguments the route names; "" where it is not to be kept, or that does not fit.
 */
void kept_key(const struct web_route *route, const struct web_request *request,
	bool zipped, char key[static KEPT_KEY_SIZE]);

/*
 * The reply kept under KEY, still good, or a little older while another thread makes it
 * anew; kept_unlock() is due then, and soon. NULL: it is for the caller to make.
 */
const struct kept_reply *kept_lock(struct kept *kept, const char *key);
void kept_unlock(struct kept *kept);

/* Keeps REPLY, whose responses are the table's from now on, under KEY for MS. */
void kept_put(
	struct kept *kept, const char *key, const struct kept_reply *reply, int64_t ms);

#endif
