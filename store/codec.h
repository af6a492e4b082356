/*
 * A report's readings as few bytes: for the ring's slots and the store's rows.
 * Decimal values take 3 to 6 bytes each, others 10.
 */
#ifndef MUABUI_STORE_CODEC_H
#define MUABUI_STORE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/reading.h"

enum {
	CODEC_MAX = 16 + READINGS_MAX * 28, /* the most a report can take */
};

/* Packs marks, status and readings (not time, station, sensor). Returns the length. */
size_t codec_pack(const struct report *report, uint8_t bytes[static CODEC_MAX]);

/* Unpacks into REPORT, leaving time, station and sensor alone. False: not such bytes. */
bool codec_unpack(struct report *report, const uint8_t *bytes, size_t length);

/* FNV-1a over BYTES, going on from SEED (0: from the start). Never returns 0. */
uint64_t codec_hash(uint64_t seed, const void *bytes, size_t length);

/* Changes HASH by WORD, for what is hashed often. May come to 0. */
static inline uint64_t codec_mix_word(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

/* The same by BYTES, eight at a time. */
uint64_t codec_mix(uint64_t hash, const void *bytes, size_t length);

#endif
