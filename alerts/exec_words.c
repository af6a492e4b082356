/* What a program is told, and what its end means. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "alerts/exec.h"
#include "core/reason.h"

enum {
	WORD_MAX = 8192,
	EX_TEMPFAIL = 75, /* sysexits.h */
};

static bool add(struct exec_words *words, const char *text)
{
	char **longer = realloc(words->words, (words->count + 2) * sizeof *longer);
	char *copy = longer ? strdup(text) : NULL;

	if (longer)
		words->words = longer;
	if (!copy)
		return false;
	longer[words->count++] = copy;
	longer[words->count] = NULL;
	return true;
}

void exec_words_free(struct exec_words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->words[i]);
	free(words->words);
	*words = (struct exec_words){ 0 };
}

bool exec_arguments(const struct message *message, const char *command,
	const struct option_strings *arguments, struct exec_words *words)
{
	struct buffer text;
	bool ok;

	*words = (struct exec_words){ 0 };
	ok = add(words, command);
	buffer_init(&text, WORD_MAX);
	for (size_t i = 0; ok && i < arguments->count; i++) {
		buffer_clear(&text);
		message_expand(message, arguments->values[i], false, &text);
		ok = !text.failed && add(words, buffer_text(&text));
	}
	buffer_free(&text);
	return ok;
}

bool exec_environment(const struct message *message, struct exec_words *words)
{
	static const char *const templates[] = {
		"MUABUI_ID={id}",
		"MUABUI_REVISION={revision}",
		"MUABUI_STATE={state}",
		"MUABUI_RULE={rule}",
		"MUABUI_HAZARD={hazard}",
		"MUABUI_SEVERITY={severity}",
		"MUABUI_STATION={station}",
		"MUABUI_STATION_NAME={station_name}",
		"MUABUI_AREA={area}",
		"MUABUI_METRIC={metric}",
		"MUABUI_VALUE={value}",
		"MUABUI_UNIT={unit}",
		"MUABUI_TIME={time}",
		"MUABUI_TITLE={title}",
		"MUABUI_TEXT={text}",
		"MUABUI_INSTRUCTION={instruction}",
	};
	struct buffer text;
	bool ok;

	*words = (struct exec_words){ 0 };
	ok = add(words,
		     "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") &&
		add(words, "LANG=C.UTF-8") &&
		add(words, message->test ? "MUABUI_TEST=1" : "MUABUI_TEST=0");
	buffer_init(&text, WORD_MAX);
	for (size_t i = 0; ok && i < sizeof templates / sizeof *templates; i++) {
		buffer_clear(&text);
		message_expand(message, templates[i], false, &text);
		ok = !text.failed && add(words, buffer_text(&text));
	}
	buffer_free(&text);
	return ok;
}

void exec_judge(int status, const char *said, size_t length, struct answer *answer)
{
	struct buffer reason;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	*answer = (struct answer){ .outcome = OUTCOME_DONE, .retry_after_ms = -1 };
	if (code == 0)
		return;
	answer->outcome = code == EX_TEMPFAIL ? OUTCOME_RETRY : OUTCOME_REFUSED;
	buffer_init(&reason, REASON_MAX);
	if (code > 0)
		buffer_printf(&reason, "exit status %d", code);
	else
		buffer_printf(&reason, "ended by signal %d", WTERMSIG(status));
	if (length > 0) {
		buffer_puts(&reason, ": ");
		reason_append(&reason, said, length);
	}
	reason_keep(answer, &reason);
}
