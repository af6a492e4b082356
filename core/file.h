/* Small files, read whole and replaced whole. */
#ifndef MUABUI_CORE_FILE_H
#define MUABUI_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"

/*
 * Appends the contents of PATH to OUT. False with a sentence in WHY, and errno (ENOENT,
 * EFBIG when OUT has no room …).
 */
bool file_read(const char *path, struct buffer *out, char *why, size_t size);

/*
 * Puts BYTES in the place of PATH, for its owner alone (0600), so that whenever the power
 * fails either the old or the new file is there whole. "PATH.new" is used meanwhile.
 * False with a sentence in WHY: PATH is as it was.
 */
bool file_replace(
	const char *path, const void *bytes, size_t length, char *why, size_t size);

#endif
