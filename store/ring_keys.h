/*
 * The keys of what was accepted lately, so that a message that comes again is known
 * (store/ring.h). Two generations by hash: when the newer one is full, the older one is
 * emptied and becomes the newer.
 */
#ifndef MUABUI_STORE_RING_KEYS_H
#define MUABUI_STORE_RING_KEYS_H

#include <stdbool.h>
#include <stdint.h>

struct ring_keys;

/* NULL when memory is out. The free accepts NULL. */
struct ring_keys *ring_keys_new(void);
void ring_keys_free(struct ring_keys *keys);

/* KEY 0 stands for none: it is not remembered and never known. */
void ring_keys_remember(struct ring_keys *keys, uint64_t key);

/* One of the latest RING_KEYS is known; older ones up to twice as many may be. */
bool ring_keys_has(struct ring_keys *keys, uint64_t key);

/* What is lost was never had: its sender may bring it again. */
void ring_keys_forget(struct ring_keys *keys, uint64_t key);

#endif
