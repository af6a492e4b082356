/*
 * One output at run time, shared by the files that make up its thread: output.c
 * (scan, encode, start, stop), periods.c (the same for drivers that send one thing per
 * period), deliver.c (what an answer leads to) and worker.c
 * (opening, waiting, the cursor, what status shows). Not for others.
 */
#ifndef MUABUI_OUTPUTS_WORKER_H
#define MUABUI_OUTPUTS_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/thread.h"
#include "outputs/output.h"
#include "store/lanes.h"

/* One encoded report of the batch. */
struct piece {
	int64_t id;
	size_t end; /* in the batch; it begins where the one before ends */
};

enum mood { MOOD_WELL, MOOD_TROUBLED, MOOD_HELD };

struct output {
	/* Constant after the start. */
	const struct output_driver *driver;
	const struct option_item *item;
	const char *store_path;
	struct bell *finished_bell;
	size_t batch_max;
	bool live_first;
	int rate;
	int64_t jitter_ms;
	int64_t linger_ms;
	pthread_t thread;
	bool started;

	struct bell bell;

	/* The thread's own. */
	struct store *store;
	struct buffer batch;
	struct buffer letter;
	struct piece *pieces;
	size_t count;
	bool in_backlog;    /* the batch belongs to that lane */
	bool is_behind;     /* `rate` holds for the batch */
	bool was_live;      /* the batch before it was live, and not full */
	bool look_for_gap;  /* after the start and after failures */
	int64_t scanned;    /* id of the last report of the lane looked at */
	struct lanes place; /* what is done with */
	struct lanes saved; /* the place in the store */
	int64_t failing_ms; /* when the failures began, 0: it works */
	int64_t backlog_ms; /* the backlog waits until then */
	int64_t started_ms; /* 0: no batch was begun yet */
	bool too_large;     /* the next report did not fit into bytes_max */
	size_t bytes_max;   /* a larger batch was refused for its size (413) */
	int64_t since_ms;   /* when the batch got its first report */
	unsigned attempts;  /* failed ones in a row */
	enum mood mood;
	int64_t letter_log_ms;
	int64_t count_ms;   /* when the dead letters are counted next */
	int64_t again_ms;   /* before it no dead letter is tried again */
	void *begun;        /* the self that periods->begin() was called for */
	int64_t latest_ms;  /* no stamp after it is believed; for periods */
	int64_t running_ms; /* wall clock, since when this thread has run; 0: unknown */

	/* Under the mutex. */
	pthread_mutex_t mutex;
	void *self; /* changed by the thread, aborted by another */
	bool aborting;
	bool finished;
	int64_t newest;
	int64_t ahead; /* reports delivered beyond the cursor */
	struct output_status status;
};

/* An attempt failed: counts, shows in the status, logged once per change of mood. */
void output_note_trouble(struct output *output, const struct answer *answer);
/* The same for what is not the far side's fault. */
void output_note_own_trouble(struct output *output, const char *what, const char *why);
/* The far side answered, but will not take this content. */
void output_note_refusal(struct output *output, const struct answer *answer);
/* The reports of the batch's lane up to ID are done with. */
void output_advance(struct output *output, int64_t id);
/* COUNT reports were taken; the place has moved. */
void output_note_sent(struct output *output, size_t count);
/* Whatever the trouble was, it is over. */
void output_note_well(struct output *output);

/* The id of the newest report, also for the lag that status shows. */
int64_t output_look_for_newest(struct output *output);

/* Waits by core/answer.h and the attempts so far. False when told to stop. */
bool output_back_off(struct output *output, const struct answer *answer);
bool output_back_off_from_own_trouble(struct output *output);

/* False, with the trouble noted, when the store or the driver cannot be opened. */
bool output_make_ready(struct output *output);
/* Opens the driver anew, however long it takes: a person may have put another token
 * into its file. False when told to stop. */
bool output_reopen(struct output *output);

/*
 * Tries the next dead letter that an operator has put back (again.c). False: there is
 * none, or none is to be tried now.
 */
bool output_send_again(struct output *output);
void output_set_self(struct output *output, void *self);
void output_close_store(struct output *output);
bool output_is_aborting(struct output *output);

/* A cursor that cannot be written now is written with the next batch. */
void output_save_cursor(struct output *output);

/* The thread's loop for a driver with periods; ends when told to stop. */
void output_run_periods(struct output *output);

/* COUNT pieces from FIRST on, until they are done with. False: told to stop before. */
bool output_deliver(struct output *output, size_t first, size_t count);

#endif
