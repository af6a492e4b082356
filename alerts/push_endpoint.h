/*
 * Where messages may be sent. Endpoints come from the public, and the sender stands
 * inside somebody's network: only hosts that are named get anything, and what a name
 * leads to is looked at again when a connection is made.
 */
#ifndef MUABUI_ALERTS_PUSH_ENDPOINT_H
#define MUABUI_ALERTS_PUSH_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "config/option.h"
#include "store/subscriptions.h"

struct sockaddr;

/* The push services of the known browsers; NULL-ended. */
extern const char *const push_known_hosts[];

/*
 * Is PATTERN one that endpoint_hosts may hold: "host", "host:port", "*.domain",
 * "https://…" before any of them, or "http://" before an address or name of this machine?
 * False with the reason in WHY.
 */
bool push_host_check(const char *pattern, char *why, size_t size);

enum push_reach {
	PUSH_REACH_NONE,   /* not named, or no address at all */
	PUSH_REACH_PUBLIC, /* may lead to public addresses only */
	PUSH_REACH_ANY,    /* named by the operator, letter for letter */
};

/*
 * May ENDPOINT be sent to, HOSTS being the named ones (none: the known)? Fills ORIGIN
 * (scheme://host[:port]). It is read by the same code that will connect to it.
 */
enum push_reach push_endpoint_check(const struct option_strings *hosts,
	const char *endpoint, char origin[static SUBSCRIPTION_ORIGIN_SIZE]);

/*
 * Is ADDRESS one of the public internet? Not: this machine, private and shared networks,
 * link-local, multicast, reserved, or any of these inside an IPv6 address.
 */
bool push_address_is_public(const struct sockaddr *address);

#endif
