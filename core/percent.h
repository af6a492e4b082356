/* Percent-encoding, for queries and forms (RFC 3986). */
#ifndef MUABUI_CORE_PERCENT_H
#define MUABUI_CORE_PERCENT_H

#include "core/buffer.h"

/* Appends TEXT: letters, digits and "-._~" as they are, all else as %XX. */
void percent_append(struct buffer *out, const char *text);

#endif
