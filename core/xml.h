/* Writing XML 1.0 into a buffer. */
#ifndef MUABUI_CORE_XML_H
#define MUABUI_CORE_XML_H

#include "core/buffer.h"

/*
 * Appends TEXT as character data, also good inside quotes. What XML cannot say (control
 * characters, bytes that are no UTF-8) becomes U+FFFD.
 */
void xml_text(struct buffer *out, const char *text);

/* Appends <NAME>TEXT</NAME> and a line end; nothing where TEXT is NULL or "". */
void xml_element(struct buffer *out, const char *name, const char *text);

#endif
