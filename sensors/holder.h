/* Which other program has a serial port open. */
#ifndef MUABUI_SENSORS_HOLDER_H
#define MUABUI_SENSORS_HOLDER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes "picocom, process 1234" to TEXT: another process than ours that has locked the
 * device PORT, or has it open, as far as /proc shows. False, and "" in TEXT, when it
 * shows none: what a process of another user has open without a lock only root sees.
 */
bool holder_find(const char *port, char *text, size_t size);

#endif
