/*
 * The output interface: where readings go. A kind of output says how a batch is
 * encoded and sent; outputs/output.c has the thread that reads the store by the
 * output's own cursor, backs off, splits, and writes dead letters.
 *
 * New output = one file with one const struct at its end, one line in
 * outputs/registry.c.
 */
#ifndef MUABUI_OUTPUTS_OUTPUT_H
#define MUABUI_OUTPUTS_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/option.h"
#include "core/answer.h"
#include "core/buffer.h"
#include "store/store.h"

struct output_driver {
	struct option_kind kind;
	/* What holds a connection. NULL with the reason in WHY: retried later. */
	void *(*open)(const void *options, char *why, size_t size);
	void (*close)(void *self);
	/*
	 * Appends STORED to BATCH in this output's format. Pure apart from caches in SELF.
	 * Appending nothing means that there is nothing to say of it.
	 */
	void (*encode)(void *self, const struct stored_report *stored, struct buffer *batch);
	/* Sends BATCH; blocks at most for its time limit. */
	void (*send)(void *self, const struct buffer *batch, struct answer *answer);
	/* Makes a send under way on another thread end soon. May be NULL. */
	void (*abort)(void *self);
};

/* The options every output has (option_item.common). */
struct output_common {
	int batch;           /* reports in one sending, at most */
	int64_t linger;      /* ms to wait for a batch to fill; 0: send what is there */
};

extern const struct output_driver *const output_drivers[];
extern const struct option_family output_family;

struct output_status {
	const char *name;
	const char *type;
	int64_t cursor;          /* id of the last report delivered */
	int64_t lag;             /* reports behind the newest */
	uint64_t sent;           /* reports delivered since start */
	uint64_t dead;           /* dead letters, in the store */
	uint64_t failures;       /* failed sendings since start */
	int64_t last_success_ms; /* wall clock, 0: never */
	int64_t last_error_ms;
	char last_error[256];
	bool held;               /* 401, 403, 404: a person must act */
};

/*
 * Starts one thread per output of ITEMS, each with its own connection to the store
 * at STORE_PATH. NULL with a logged reason.
 */
struct outputs;
struct outputs *outputs_start(const struct option_list *items, const char *store_path);

/* New reports are committed. */
void outputs_ring(struct outputs *outputs);

/* Tries what is left for at most GRACE_MS, then stops and joins. */
void outputs_stop(struct outputs *outputs, int64_t grace_ms);

size_t outputs_count(const struct outputs *outputs);
void outputs_get_status(
	const struct outputs *outputs, size_t index, struct output_status *status);

#endif
