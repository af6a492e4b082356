/*
 * Connections to the store for those who answer requests. Each is used by one request at
 * a time and kept for the next, so that opening a file and preparing statements is paid
 * once. They cannot write. In WAL mode a reader never keeps the recorder waiting; what it
 * would do by reading long is keep the WAL from being taken over into the file, so a
 * request reads in pieces of some thousand rows, and no statement stays open between
 * them. Thread-safe.
 */
#ifndef MUABUI_WEB_READERS_H
#define MUABUI_WEB_READERS_H

#include "store/store.h"

struct readers;

/* Of the store at PATH (copied). NULL: memory is out. The free accepts NULL. */
struct readers *readers_new(const char *path);
void readers_free(struct readers *readers);

/* A connection, to be given back. NULL, with a logged reason: the store is not to be
 * read now. */
struct store *readers_take(struct readers *readers);

/* Gives STORE back; after an error (IS_GOOD false) it is closed. Accepts NULL. */
void readers_give(struct readers *readers, struct store *store, bool is_good);

#endif
