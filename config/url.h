/* Is an address in a configuration one that can be used, without secrets in it? */
#ifndef MUABUI_CONFIG_URL_H
#define MUABUI_CONFIG_URL_H

#include <stdbool.h>

/*
 * SCHEMES: NULL-ended, those allowed; NULL: any. False with the reason in WHY
 * (VALUE_WHY_SIZE bytes), which never repeats the address: it may hold a password.
 */
bool url_check(const char *url, const char *const *schemes, char *why);

/* Is the host of URL this machine: 127.0.0.0/8, [::1] or localhost? */
bool url_is_loopback(const char *url);

/*
 * Can a server listen at ADDRESS: "127.0.0.1:8080", "[::]:8080", "localhost:0"? The same
 * otherwise.
 */
bool url_check_listen(const char *address, char *why);

#endif
