/* A subscription's columns, for the files of this room that read them. */
#ifndef MUABUI_STORE_SUBSCRIPTION_ROW_H
#define MUABUI_STORE_SUBSCRIPTION_ROW_H

#include "store/statement.h"
#include "store/subscriptions.h"

/* In a statement that calls the table s; first of its columns. */
#define SUBSCRIPTION_COLUMNS                                                     \
	" s.number, s.endpoint, s.origin, s.p256dh, s.auth, s.areas, s.hazards," \
	" s.sensitive, s.language, s.quiet_from, s.quiet_to, s.failures "

/* False where the row is not what was written. */
bool subscription_read(sqlite3_stmt *stmt, struct subscription *subscription);

#endif
