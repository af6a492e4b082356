/*
 * What a Sparkplug B host has to remember of the edge nodes it hears: their births, the
 * aliases these gave, and the numbers of their messages. Bounded.
 */
#ifndef MUABUI_SENSORS_SPARKPLUG_H
#define MUABUI_SENSORS_SPARKPLUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensors/payload.h"

enum {
	SPARKPLUG_NODES = 256,    /* the one not heard for longest gives way */
	SPARKPLUG_ALIASES = 4096, /* of one node */
};

/* What an alias stands for. */
struct sparkplug_alias {
	uint64_t alias;
	uint32_t device;        /* hash of the device that gave it, 0: the node itself */
	uint32_t datatype;      /* as the birth said, 0: not */
	struct payload_key key; /* metric 0: nothing that is wanted; its key is NULL */
};

struct sparkplug_node {
	uint64_t id;   /* hash of group and edge node, 0: free */
	uint64_t used; /* higher: heard later */
	bool is_live;  /* born, and nothing was missed since */
	bool has_birth_seq;
	uint64_t birth_seq;              /* bdSeq: which last will belongs to it */
	uint8_t seq;                     /* of the latest message */
	struct sparkplug_alias *aliases; /* in order of alias */
	size_t count, capacity;
};

struct sparkplug {
	uint64_t heard;
	struct sparkplug_node nodes[SPARKPLUG_NODES];
};

struct sparkplug *sparkplug_new(void); /* NULL: no memory */
void sparkplug_free(struct sparkplug *sparkplug);

/* The node with this ID, made where it is not there. */
struct sparkplug_node *sparkplug_node(struct sparkplug *sparkplug, uint64_t id);

/* Forgets the aliases DEVICE gave; 0: all. */
void sparkplug_forget(struct sparkplug_node *node, uint32_t device);

/* Notes ALIAS in place of an earlier one. False: too many, or no memory. */
bool sparkplug_learn(struct sparkplug_node *node, const struct sparkplug_alias *alias);

/* What ALIAS stands for, NULL: never said. */
const struct sparkplug_alias *sparkplug_lookup(
	const struct sparkplug_node *node, uint64_t alias);

#endif
