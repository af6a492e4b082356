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
#include "store/reports.h"
#include "store/store.h"

/*
 * For outputs that send one thing per period, made of all its reports, in place of
 * encode(). Reports come in the order of their ids.
 */
struct output_periods {
	/* Once per self: goes on behind the period that ended at SENT_MS (0: from the
	 * first report). The gateway has been running since RUNNING_MS (INT64_MAX:
	 * unknown). */
	int (*begin)(
		void *self, struct store *store, int64_t sent_ms, int64_t running_ms);
	/* False: a period is ready, and STORED has to come again when it is done with.
	 * No stamp after LATEST_MS is believed. */
	bool (*take)(void *self, const struct stored_report *stored, int64_t latest_ms);
	/* Appends the next period that is ready to BATCH. ALL_TAKEN: every report there
	 * is was taken, and NOW_MS (0: the clock is not set) decides too. False: none is.
	 */
	bool (*make)(void *self, bool all_taken, int64_t now_ms, struct buffer *batch);
	/* It was sent. Returns its end; SCANNED is the id of the last report taken, and
	 * becomes the one up to which they are not needed again. */
	int64_t (*sent)(void *self, int64_t *scanned);
};

struct output_driver {
	struct option_kind kind;
	/* What holds a connection. NULL with the reason in WHY: retried later. */
	void *(*open)(const void *options, char *why, size_t size);
	void (*close)(void *self);
	/*
	 * Appends STORED to BATCH in this output's format, at most OUTPUT_RECORD_MAX
	 * bytes. Pure apart from caches in SELF. Appending nothing means that there is
	 * nothing to say of it. Records must stay what they are in whatever batch they
	 * stand: after a refusal any run of them is sent alone.
	 */
	void (*encode)(
		void *self, const struct stored_report *stored, struct buffer *batch);
	/*
	 * Sends BATCH, which may be a part of what was encoded (length bytes at data, no
	 * NUL behind them); blocks at most for its time limit. When ANSWER says REFUSED,
	 * its member refused may say how many records are, and guilty which of them:
	 * those become dead letters, as all do where it is all of them; otherwise the
	 * batch is halved until the guilty record stands alone. The rest is sent again,
	 * even where the far side has taken it: repeats must be harmless.
	 */
	void (*send)(void *self, const struct buffer *batch, struct answer *answer);
	/* NULL: encode() is called per report. With it there are no lanes. */
	const struct output_periods *periods;
	/* Makes a send under way on another thread end soon, and later ones at once.
	 * May be NULL. */
	void (*abort)(void *self);
	/* Called before a batch is begun: does it come from the backlog, behind what is
	 * live? For receivers that can hold such a mark. May be NULL. */
	void (*lane)(void *self, bool backlog);
	/* The receiver needs the oldest first, whatever `order` says. */
	bool oldest_first;
};

enum {
	OUTPUT_BATCH_BYTES = 480 * 1024, /* a batch that has grown so large is sent */
	OUTPUT_RECORD_MAX = 32 * 1024,
};

enum output_order { OUTPUT_LIVE_FIRST, OUTPUT_OLDEST_FIRST };

/* The options every output has (option_item.common). */
struct output_common {
	int batch;      /* reports in one sending, at most */
	int64_t linger; /* ms to wait for a batch to fill; 0: send what is there */
	int order;      /* enum output_order */
	int rate;       /* reports of a backlog per second, at most; 0: no limit */
	int64_t jitter; /* ms a backlog waits at most, by chance, before it is sent */
};

extern const struct output_driver *const output_drivers[];
extern const struct option_family output_family;

struct output_status {
	const char *name;
	const char *type;
	int64_t cursor;          /* every report up to this id is delivered */
	int64_t lag;             /* reports still owed, live and backlog */
	int64_t backlog;         /* of these, what waits behind the live ones */
	uint64_t sent;           /* reports delivered since start */
	uint64_t skipped;        /* reports of an impossible time, since start */
	uint64_t dead;           /* dead letters, in the store */
	uint64_t dead_dropped;   /* the oldest of them that had to go, since start */
	uint64_t failures;       /* failed sendings since start */
	int64_t last_success_ms; /* wall clock, 0: never */
	int64_t last_error_ms;
	char last_error[256];
	bool held; /* 401, 403, 404: a person must act */
};

/*
 * Starts one thread per output of ITEMS, each with its own connection to the store
 * at STORE_PATH. ITEMS must outlive it. A store that cannot be opened is tried again.
 * NULL with a logged reason.
 *
 * Each output goes through the store by its own cursor, kept under its name, from the
 * oldest report there is when it is new. When it is more than a batch behind, at the
 * start or after failures, what arrives from then on is sent first and the backlog
 * between (two lanes, each in order), unless oldest first is asked for. Not sent, but
 * skipped and counted, are reports whose time is impossible (report_time_is_possible()).
 */
struct outputs;
struct outputs *outputs_start(const struct option_list *items, const char *store_path);

/* New reports are committed. */
void outputs_ring(struct outputs *outputs);

/*
 * Sends what is left, as long as it works at the first attempt and for at most
 * GRACE_MS; then joins and frees. Accepts NULL.
 */
void outputs_stop(struct outputs *outputs, int64_t grace_ms);

size_t outputs_count(const struct outputs *outputs);
void outputs_get_status(
	const struct outputs *outputs, size_t index, struct output_status *status);

#endif
