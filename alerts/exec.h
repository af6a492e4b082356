/* The parts of the exec channel that run nothing. */
#ifndef MUABUI_ALERTS_EXEC_H
#define MUABUI_ALERTS_EXEC_H

#include <stdbool.h>

#include "alerts/message.h"
#include "config/option.h"
#include "core/answer.h"

/* A NULL-ended list of strings, as execve() wants it. */
struct exec_words {
	char **words;
	size_t count;
};

/* COMMAND and ARGUMENTS with their placeholders filled in. False: memory is out. */
bool exec_arguments(const struct message *message, const char *command,
	const struct option_strings *arguments, struct exec_words *words);

/* PATH, LANG and what the message says as MUABUI_… = …. False: memory is out. */
bool exec_environment(const struct message *message, struct exec_words *words);

void exec_words_free(struct exec_words *words);

/*
 * What the wait status of the program means: 0 is done, 75 (EX_TEMPFAIL) is tried again,
 * others are refused. SAID, the end of what it wrote, goes into the reason.
 */
void exec_judge(int status, const char *said, size_t length, struct answer *answer);

#endif
