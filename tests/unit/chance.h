/*
 * Chance for property tests, the same in every run unless MUABUI_SEED says otherwise.
 * Whoever fails prints chance_seed().
 */
#ifndef MUABUI_TESTS_CHANCE_H
#define MUABUI_TESTS_CHANCE_H

#include <stdint.h>
#include <stdlib.h>

struct chance {
	uint64_t state;
};

static inline uint64_t chance_seed(void)
{
	const char *text = getenv("MUABUI_SEED");

	return text ? strtoull(text, NULL, 10) : 20261122;
}

static inline struct chance chance_begin(void)
{
	return (struct chance){ .state = chance_seed() };
}

/* SplitMix64. */
static inline uint64_t chance_bits(struct chance *chance)
{
	uint64_t z = chance->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 0 … LIMIT − 1. */
static inline uint64_t chance_below(struct chance *chance, uint64_t limit)
{
	return chance_bits(chance) % limit;
}

/* LOW … HIGH, both included. */
static inline int64_t chance_between(struct chance *chance, int64_t low, int64_t high)
{
	return low + (int64_t)chance_below(chance, (uint64_t)(high - low) + 1);
}

#endif
