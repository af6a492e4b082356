#include "alerts/push_sender.h"

#include <stdio.h>
#include <string.h>

#include "alerts/push_endpoint.h"
#include "core/answer.h"
#include "core/clock.h"
#include "core/log.h"

enum {
	UNTOLD_WAIT_MS = 60 * 1000, /* after a 429 that does not say how long */
	CANCEL_STEP_MS = 5,
};

/* --- beginning ------------------------------------------------------------------------
 */

bool push_job_start(struct push_sender *sender, const struct subscription *subscription,
	struct push_origin *origin, unsigned attempts, bool was_owed)
{
	struct push_run *run = &sender->run;
	struct push_job *job = sender->free_jobs;
	const struct curl_slist *headers = push_origin_headers(
		origin, sender->round, sender->vapid, run->fixed, clock_wall_ms() / 1000);
	int language = subscription->language;

	if (!job || !headers) {
		run->failed |= !headers;
		return false;
	}
	if (language < 0 || language >= PUSH_LANGUAGES)
		language = 0;
	sender->free_jobs = job->next;
	job->is_busy = true;
	job->is_sent = false;
	job->origin = origin;
	job->subscription = subscription->number;
	job->attempts = attempts;
	job->was_owed = was_owed;
	job->was_failed = subscription->failures > 0;
	memcpy(job->endpoint, subscription->endpoint, sizeof job->endpoint);
	job->sealing.text = buffer_text(&run->texts[language]);
	job->sealing.text_length = run->texts[language].length;
	memcpy(job->sealing.p256dh, subscription->p256dh, sizeof job->sealing.p256dh);
	memcpy(job->sealing.auth, subscription->auth, sizeof job->sealing.auth);
	job->request.origin = origin->name;
	job->request.url = job->endpoint;
	job->request.headers = headers;
	job->sealing.next = sender->batch;
	sender->batch = &job->sealing;
	run->in_flight++;
	if (origin->in_flight++ == 0)
		origin->answered_ms = clock_real_ms();
	return true;
}

/* --- what became of it ----------------------------------------------- */

static void note(struct push_sender *sender, const struct push_job *job,
	enum fanout_fate fate, int64_t due_ms)
{
	struct push_run *run = &sender->run;

	run->results[run->result_count++] = (struct fanout_result){
		.subscription = job->subscription,
		.fate = fate,
		.was_owed = job->was_owed,
		.was_failed = job->was_failed,
		.attempts = job->attempts + (fate == FANOUT_OWED),
		.due_ms = due_ms,
		.origin = job->origin->name,
	};
}

void push_note_owed(struct push_sender *sender, int64_t subscription,
	const struct push_origin *origin, unsigned attempts, int64_t wait_ms)
{
	struct push_run *run = &sender->run;

	run->results[run->result_count++] = (struct fanout_result){
		.subscription = subscription,
		.fate = FANOUT_OWED,
		.attempts = attempts,
		.due_ms = clock_wall_ms() + wait_ms,
		.origin = origin->name,
	};
}

static void note_retry(
	struct push_sender *sender, const struct push_job *job, int64_t retry_after_ms)
{
	const struct answer answer = { .outcome = OUTCOME_RETRY,
		.retry_after_ms = retry_after_ms };

	note(sender, job, FANOUT_OWED,
		clock_wall_ms() + answer_backoff_ms(&answer, job->attempts + 1));
}

/*
 * The service takes others' messages with the same key, so it is this subscription that
 * is wrong; otherwise it is us.
 */
static void judge_refusal(struct push_sender *sender, const struct push_job *job)
{
	char reason[PUSH_REASON_SIZE + 16];

	if (job->origin->accepts) {
		push_origin_answered(job->origin, clock_real_ms());
		note(sender, job, FANOUT_REFUSED, 0);
		return;
	}
	snprintf(reason, sizeof reason, "HTTP %d %s", job->request.status,
		job->request.reason);
	push_origin_failed(job->origin, true, reason, clock_real_ms());
	note_retry(sender, job, -1);
}

static void judge(struct push_sender *sender, const struct push_job *job)
{
	const struct push_request *request = &job->request;
	struct push_origin *origin = job->origin;
	int64_t now_ms = clock_real_ms(), wait_ms = request->retry_after_ms;
	int status = request->status;

	if (status >= 200 && status < 300) {
		push_origin_accepted(origin, now_ms);
		note(sender, job, FANOUT_SENT, 0);
	} else if (status == 404 || status == 410) {
		push_origin_answered(origin, now_ms);
		note(sender, job, FANOUT_GONE, 0);
	} else if (status == 413) {
		push_origin_answered(origin, now_ms);
		note(sender, job, FANOUT_REFUSED, 0);
	} else if (status == 0) {
		push_origin_failed(origin, false, request->reason, now_ms);
		note_retry(sender, job, -1);
	} else if (answer_outcome(status) == OUTCOME_RETRY) {
		if (status == 429 && wait_ms < 0)
			wait_ms = UNTOLD_WAIT_MS;
		push_origin_troubled(origin, wait_ms, now_ms);
		note_retry(sender, job, wait_ms);
	} else {
		judge_refusal(sender, job);
	}
}

static void finish(struct push_sender *sender, struct push_job *job)
{
	job->is_busy = false;
	job->origin->in_flight--;
	sender->run.in_flight--;
	job->next = sender->free_jobs;
	sender->free_jobs = job;
}

/* --- moving on ------------------------------------------------------- */

static struct push_job *job_of(struct push_request *request)
{
	return (void *)((char *)request - offsetof(struct push_job, request));
}

static void send_sealed(struct push_sender *sender, struct push_job *job)
{
	char origin[SUBSCRIPTION_ORIGIN_SIZE];
	enum push_reach reach = push_endpoint_check(
		&sender->options->endpoint_hosts, job->endpoint, origin);

	if (sender->run.cancelling) {
		note(sender, job, FANOUT_OWED, 0);
		finish(sender, job);
		return;
	}
	/* Named when it subscribed, and no more; or a key that is none. */
	if (job->sealing.length == 0 || reach == PUSH_REACH_NONE) {
		note(sender, job, FANOUT_REFUSED, 0);
		finish(sender, job);
		return;
	}
	job->request.may_be_private = reach == PUSH_REACH_ANY;
	job->request.body = job->sealing.body;
	job->request.length = job->sealing.length;
	job->is_sent = push_wire_send(sender->wire, &job->request);
	if (!job->is_sent) {
		note_retry(sender, job, -1);
		finish(sender, job);
		sender->run.failed = true;
	}
}

void push_jobs_move(struct push_sender *sender, int wait_ms)
{
	struct push_request *request;

	push_workers_give(sender->workers, sender->batch);
	sender->batch = NULL;
	push_wire_run(sender->wire, wait_ms);
	for (struct push_sealing *sealed = push_workers_take(sender->workers), *next;
		sealed; sealed = next) {
		next = sealed->next;
		send_sealed(sender, (struct push_job *)(void *)sealed);
	}
	while ((request = push_wire_finished(sender->wire))) {
		struct push_job *job = job_of(request);

		judge(sender, job);
		finish(sender, job);
	}
}

void push_jobs_cancel(struct push_sender *sender)
{
	sender->run.cancelling = true;
	for (int i = 0; i < sender->options->in_flight; i++) {
		struct push_job *job = &sender->jobs[i];

		if (!job->is_busy || !job->is_sent)
			continue;
		push_wire_cancel(sender->wire, &job->request);
		note(sender, job, FANOUT_OWED, 0);
		finish(sender, job);
	}
	while (sender->run.in_flight > 0)
		push_jobs_move(sender, CANCEL_STEP_MS);
}
