/*
 * Secrets live in files named by the configuration. A name without '/' is
 * looked up in $CREDENTIALS_DIRECTORY (systemd's LoadCredential) first.
 */
#ifndef MUABUI_CORE_SECRET_H
#define MUABUI_CORE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

enum { SECRET_MAX = 4096 };

/*
 * Reads the secret in FILE, without the line end. False with a sentence
 * (never the contents) in WHY when it cannot be read, is empty or too long.
 */
bool secret_read(
	const char *file, char secret[static SECRET_MAX], char *why, size_t size);

/* Overwrites SECRET so that the compiler may not leave it out. */
void secret_wipe(void *secret, size_t size);

#endif
