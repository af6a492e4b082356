/*
 * What far sides answer may name the people something was sent to. Logs are kept for
 * more than a year and shown to many: they keep what went wrong, not whom it concerned.
 */
#ifndef MUABUI_CORE_DISCREET_H
#define MUABUI_CORE_DISCREET_H

#include <stddef.h>

/*
 * Copies TEXT to OUT (SIZE bytes, cut if need be) with "…" in place of the name in mail
 * addresses, of numbers of eight digits and more, and of words of 25 letters and digits
 * and more: telephone numbers, device tokens, keys.
 */
void discreet_copy(char *out, size_t size, const char *text);

#endif
