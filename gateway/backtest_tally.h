/* What a back-test's messages come to, per rule and station and in all. */
#ifndef MUABUI_GATEWAY_BACKTEST_TALLY_H
#define MUABUI_GATEWAY_BACKTEST_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alerts/message.h"
#include "core/json.h"

struct tally_row {
	char rule[NAME_SIZE], station[NAME_SIZE];
	uint64_t alerts;   /* episodes */
	uint64_t messages; /* all-clears and reminders too */
	int64_t above_ms;  /* time from a condition's beginning to its end */
	int64_t since_ms;  /* of the condition that lasts; 0: none does */
};

/* Zeroed: nothing was told. */
struct tally {
	struct tally_row *rows; /* by rule and station */
	size_t count, capacity;
};

void tally_free(struct tally *tally);

/* Counts MESSAGE. False when memory is out. */
bool tally_take(struct tally *tally, const struct message *message);

/*
 * Writes the counts of readings from FROM_MS to TO_MS, where conditions that last are
 * taken to end: members of an object that the caller has opened.
 */
void tally_write(
	const struct tally *tally, int64_t from_ms, int64_t to_ms, struct json *json);

#endif
