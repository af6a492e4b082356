/*
 * Putting whole files on a server by FTP, FTPS or SFTP (libcurl): one connection, kept
 * between files. A file comes under a temporary name and is renamed once it is there
 * whole, so that whoever lists the folder never meets half a file.
 */
#ifndef MUABUI_OUTPUTS_FILE_CLIENT_H
#define MUABUI_OUTPUTS_FILE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/answer.h"
#include "core/buffer.h"

struct file_client;

enum file_tls { FILE_TLS_NONE, FILE_TLS_OFFERED, FILE_TLS_REQUIRED };

struct file_settings {
	const char *url; /* ftp://, ftps:// or sftp://, with the folder files go under */
	const char *username;
	const char *password;         /* NULL: none */
	enum file_tls tls;            /* what to ask of an ftp:// server (AUTH TLS) */
	const char *ca_file;          /* NULL or "": the system's authorities */
	const char *key_file;         /* for sftp://, NULL or "": log in by password */
	const char *known_hosts;      /* for sftp://: one of these two */
	const char *host_fingerprint; /* SHA-256, base64, without "SHA256:" */
	int64_t timeout_ms;           /* of one file */
};

/* Copies the settings. NULL with the reason in WHY. The free accepts NULL. */
struct file_client *file_client_new(
	const struct file_settings *settings, char *why, size_t size);
void file_client_free(struct file_client *client);

/*
 * Puts BODY as NAME into FOLDER ("" or "a/b": made where missing) below the URL's, in
 * place of what has that name. DONE only when the server has confirmed transfer and
 * renaming. Refused log-in, unknown host key or certificate, and names or rights refused
 * (530, 550, 553) are HELD; all else, a full disk too, is RETRY.
 */
void file_put(struct file_client *client, const char *folder, const char *name,
	const struct buffer *body, struct answer *answer);

/* Makes a transfer on another thread end within about a second, and later ones at once.
 */
void file_client_abort(struct file_client *client);

#endif
