#include "alerts/recipients.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/log.h"
#include "core/reason.h"

enum {
	FILE_MAX = 8 * 1024 * 1024,
	NOTES_MAX = RECIPIENTS_MAX * 18 + 256,
};

enum mark { MARK_OPEN, MARK_DONE, MARK_DEAD };

struct recipient {
	const char *text;
	uint64_t hash;
	enum mark mark;
};

struct recipients {
	const char *file; /* NULL: from the configuration */
	const char *name; /* of the channel, for the log */
	char *notes;      /* file of who had the message under way; NULL: none is kept */
	char *lines;      /* what recipients point into, where they are from a file */
	struct recipient *list;
	size_t count;
	struct stat seen; /* the file, as it was read */
	char episode[EPISODE_SIZE];
	int revision; /* 0: no message was begun */

	/* of the round */
	size_t at; /* the one after the one last named */
	struct answer worst;
};

/* FNV-1a: a name for a line, not a secret. */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash;
}

/* --- who they are ------------------------------------------------------ */

static bool add(struct recipients *recipients, const char *text)
{
	if (recipients->count == RECIPIENTS_MAX)
		return true;
	struct recipient *longer = realloc(
		recipients->list, (recipients->count + 1) * sizeof *recipients->list);
	if (!longer)
		return false;
	recipients->list = longer;
	longer[recipients->count++] =
		(struct recipient){ .text = text, .hash = hash_of(text) };
	return true;
}

static bool take_lines(struct recipients *recipients, char *text)
{
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n"))) {
		line[strcspn(line, "#\r")] = '\0';
		line += strspn(line, " \t");
		size_t length = strlen(line);
		while (length > 0 && strchr(" \t", line[length - 1]))
			line[--length] = '\0';
		if (length > RECIPIENT_BYTES_MAX) {
			log_warning(
				"channel %s: %s: a line of more than %d bytes is left out",
				recipients->name, recipients->file, RECIPIENT_BYTES_MAX);
			continue;
		}
		if (length > 0 && !add(recipients, line))
			return false;
	}
	if (recipients->count == RECIPIENTS_MAX)
		log_warning("channel %s: %s: only its first %d recipients are used",
			recipients->name, recipients->file, RECIPIENTS_MAX);
	return true;
}

/* A file that was edited: who is done with stays so, who was dead gets another chance. */
static void carry_over(
	struct recipients *recipients, const struct recipient *old, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (old[i].mark != MARK_DONE)
			continue;
		for (size_t k = 0; k < recipients->count; k++) {
			if (recipients->list[k].hash == old[i].hash)
				recipients->list[k].mark = MARK_DONE;
		}
	}
}

static bool is_unchanged(const struct recipients *recipients, const struct stat *now)
{
	const struct stat *seen = &recipients->seen;

	return recipients->lines && seen->st_ino == now->st_ino &&
		seen->st_size == now->st_size &&
		seen->st_mtim.tv_sec == now->st_mtim.tv_sec &&
		seen->st_mtim.tv_nsec == now->st_mtim.tv_nsec;
}

static bool load(struct recipients *recipients, char *why, size_t size)
{
	struct recipient *old = recipients->list;
	size_t old_count = recipients->count;
	struct buffer text;
	struct stat now;

	if (stat(recipients->file, &now) < 0) {
		snprintf(why, size, "cannot open %s: %s", recipients->file,
			strerror(errno));
		return false;
	}
	if (is_unchanged(recipients, &now))
		return true;
	buffer_init(&text, FILE_MAX);
	if (!file_read(recipients->file, &text, why, size)) {
		buffer_free(&text);
		return false;
	}
	buffer_putc(&text, '\0'); /* so that there is memory even for nothing */
	recipients->list = NULL;
	recipients->count = 0;
	bool ok = !text.failed && take_lines(recipients, text.data);
	if (!ok) {
		free(recipients->list);
		recipients->list = old;
		recipients->count = old_count;
		buffer_free(&text);
		snprintf(why, size, "out of memory");
		return false;
	}
	carry_over(recipients, old, old_count);
	free(old);
	free(recipients->lines);
	recipients->lines = text.data;
	recipients->seen = now;
	return true;
}

/* --- who had it --------------------------------------------------------- */

/* "EPISODE REVISION", then a hash a line. */
static void read_notes(struct recipients *recipients, const struct message *message)
{
	char why[128], head[EPISODE_SIZE + 32];
	struct buffer text;

	if (!recipients->notes)
		return;
	buffer_init(&text, NOTES_MAX);
	snprintf(head, sizeof head, "%s %d\n", message->id, message->revision);
	bool is_mine = file_read(recipients->notes, &text, why, sizeof why) &&
		!strncmp(buffer_text(&text), head, strlen(head));
	char *rest = is_mine ? text.data + strlen(head) : NULL, *line;
	while ((line = strsep(&rest, "\n"))) {
		uint64_t hash = strtoull(line, NULL, 16);

		for (size_t i = 0; *line && i < recipients->count; i++) {
			if (recipients->list[i].hash == hash)
				recipients->list[i].mark = MARK_DONE;
		}
	}
	buffer_free(&text);
}

static void write_notes(struct recipients *recipients)
{
	char why[256];
	struct buffer text;

	buffer_init(&text, NOTES_MAX);
	buffer_printf(&text, "%s %d\n", recipients->episode, recipients->revision);
	for (size_t i = 0; i < recipients->count; i++) {
		if (recipients->list[i].mark == MARK_DONE)
			buffer_printf(
				&text, "%016" PRIx64 "\n", recipients->list[i].hash);
	}
	if (!file_replace(recipients->notes, text.data, text.length, why, sizeof why))
		log_warning(
			"channel %s: after a restart some may get a message twice: %s",
			recipients->name, why);
	buffer_free(&text);
}

/* --- the interface ------------------------------------------------------ */

struct recipients *recipients_new(const char *file, const struct option_strings *list,
	const struct channel_env *env)
{
	struct recipients *recipients = calloc(1, sizeof *recipients);

	if (!recipients)
		return NULL;
	recipients->file = file;
	recipients->name = env->name;
	for (size_t i = 0; !file && i < list->count; i++) {
		if (!add(recipients, list->values[i]))
			goto failed;
	}
	if (env->store_path &&
		asprintf(&recipients->notes, "%s.%s.sent", env->store_path, env->name) <
			0) {
		recipients->notes = NULL;
		goto failed;
	}
	return recipients;
failed:
	recipients_free(recipients);
	return NULL;
}

void recipients_free(struct recipients *recipients)
{
	if (!recipients)
		return;
	free(recipients->list);
	free(recipients->lines);
	free(recipients->notes);
	free(recipients);
}

bool recipients_begin(struct recipients *recipients, const struct message *message,
	struct answer *answer)
{
	*answer = (struct answer){ .outcome = OUTCOME_HELD, .retry_after_ms = -1 };
	if (recipients->file && !load(recipients, answer->reason, sizeof answer->reason))
		return false;
	if (recipients->count == 0) {
		reason_say(answer, "nobody stands in %s",
			recipients->file ? recipients->file : "the configuration");
		return false;
	}
	if (strcmp(recipients->episode, message->id) != 0 ||
		recipients->revision != message->revision) {
		for (size_t i = 0; i < recipients->count; i++) {
			if (recipients->list[i].mark == MARK_DONE || !recipients->file)
				recipients->list[i].mark = MARK_OPEN;
		}
		snprintf(recipients->episode, sizeof recipients->episode, "%s",
			message->id);
		recipients->revision = message->revision;
		read_notes(recipients, message);
	}
	recipients->at = 0;
	recipients->worst =
		(struct answer){ .outcome = OUTCOME_DONE, .retry_after_ms = -1 };
	return true;
}

const char *recipients_next(struct recipients *recipients)
{
	while (recipients->at < recipients->count) {
		const struct recipient *one = &recipients->list[recipients->at++];

		if (one->mark == MARK_OPEN)
			return one->text;
	}
	return NULL;
}

bool recipients_note(struct recipients *recipients, const struct answer *answer)
{
	struct recipient *one = &recipients->list[recipients->at - 1];
	struct answer *worst = &recipients->worst;

	switch (answer->outcome) {
	case OUTCOME_DONE:
		one->mark = MARK_DONE;
		return true;
	case OUTCOME_REFUSED:
		one->mark = MARK_DEAD;
		log_warning("channel %s: recipient %zu of %zu is left out%s: %s",
			recipients->name, recipients->at, recipients->count,
			recipients->file ? " until the file changes" : "",
			answer->reason);
		if (worst->outcome == OUTCOME_DONE)
			reason_say(worst, "%s", answer->reason);
		return true;
	case OUTCOME_RETRY: {
		int64_t longest = worst->outcome == OUTCOME_RETRY &&
				worst->retry_after_ms > answer->retry_after_ms
			? worst->retry_after_ms
			: answer->retry_after_ms;
		bool maybe_taken = worst->maybe_taken || answer->maybe_taken;
		*worst = *answer;
		worst->retry_after_ms = longest;
		worst->maybe_taken = maybe_taken;
		return true;
	}
	case OUTCOME_HELD:
		*worst = *answer;
		return false;
	}
	return false;
}

void recipients_end(struct recipients *recipients, struct answer *answer)
{
	size_t done = 0;

	for (size_t i = 0; i < recipients->count; i++)
		done += recipients->list[i].mark == MARK_DONE;
	*answer = recipients->worst;
	if (answer->outcome == OUTCOME_RETRY || answer->outcome == OUTCOME_HELD) {
		if (done > 0 && recipients->notes)
			write_notes(recipients);
		/* Some have had it: they are owed the all-clear. */
		answer->maybe_taken = answer->maybe_taken || done > 0;
		return;
	}
	if (recipients->notes)
		unlink(recipients->notes);
	if (done > 0) {
		answer->reason[0] = '\0';
		return;
	}
	char reason[sizeof answer->reason];
	memcpy(reason, answer->reason, sizeof reason);
	answer->outcome = OUTCOME_REFUSED;
	reason_say(answer, "none of %zu recipients can be reached%s%s", recipients->count,
		reason[0] ? ": " : "", reason);
}
