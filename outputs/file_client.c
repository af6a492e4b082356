#include "outputs/file_client.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/connection.h"

enum {
	PATH_SIZE = 1024,
	CONNECT_TIMEOUT_MS = 10 * 1000,
	/* To libcurl a line that breaks during an SSH log-in is a refused one. */
	SSH_DENIALS = 3,
};

struct file_client {
	CURL *curl;
	char *url;  /* without '/' at its end */
	char *path; /* the URL's path, decoded, for SFTP's commands */
	bool ssh;
	unsigned denied; /* log-ins in a row */
	bool certain;    /* no attempt lies behind whose end is not known */
	atomic_bool aborted;
	const struct buffer *body; /* during a transfer */
	size_t sent;
	char error[CURL_ERROR_SIZE];
};

/* --- curl's callbacks ---------------------------------------------------- */

static size_t give(char *to, size_t size, size_t count, void *arg)
{
	struct file_client *client = arg;
	size_t length = client->body->length - client->sent;

	if (length > size * count)
		length = size * count;
	memcpy(to, client->body->data + client->sent, length);
	client->sent += length;
	return length;
}

static size_t drop(char *data, size_t size, size_t count, void *arg)
{
	(void)data;
	(void)arg;
	return size * count;
}

static int watch(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct file_client *client = arg;

	(void)a, (void)b, (void)c, (void)d;
	return atomic_load(&client->aborted);
}

/* --- opening ------------------------------------------------------------- */

static bool set_text(CURL *curl, CURLoption option, const char *text)
{
	return !connection_has(text) || curl_easy_setopt(curl, option, text) == CURLE_OK;
}

static bool set_ssh(CURL *curl, const struct file_settings *settings)
{
	long kinds = connection_has(settings->key_file)
		? CURLSSH_AUTH_PUBLICKEY
		: CURLSSH_AUTH_PASSWORD | CURLSSH_AUTH_KEYBOARD;

	curl_easy_setopt(curl, CURLOPT_SSH_AUTH_TYPES, kinds);
	if (connection_has(settings->key_file) &&
		!set_text(curl, CURLOPT_KEYPASSWD, settings->password))
		return false;
	return set_text(curl, CURLOPT_SSH_PRIVATE_KEYFILE, settings->key_file) &&
		set_text(curl, CURLOPT_SSH_KNOWNHOSTS, settings->known_hosts) &&
		set_text(curl, CURLOPT_SSH_HOST_PUBLIC_KEY_SHA256,
			settings->host_fingerprint);
}

static bool set_up(struct file_client *client, const struct file_settings *settings)
{
	static const long levels[] = { CURLUSESSL_NONE, CURLUSESSL_TRY, CURLUSESSL_ALL };
	CURL *curl = client->curl;
	bool implicit = strncmp(settings->url, "ftps:", 5) == 0;

	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)settings->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, 1L);
	curl_easy_setopt(
		curl, CURLOPT_USE_SSL, implicit ? CURLUSESSL_ALL : levels[settings->tls]);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	/* Servers that want the session of the commands on data connections too (vsftpd
	 * does) refuse most transfers under TLS 1.3, whose tickets serve once. */
	curl_easy_setopt(curl, CURLOPT_SSLVERSION,
		(long)CURL_SSLVERSION_TLSv1_2 | (long)CURL_SSLVERSION_MAX_TLSv1_2);
	/* The server may be behind another address than the one it knows of itself. */
	curl_easy_setopt(curl, CURLOPT_FTP_SKIP_PASV_IP, 1L);
	/* Folder by folder: a server makes one at a time. Asked again only when it
	 * changes. */
	curl_easy_setopt(curl, CURLOPT_FTP_FILEMETHOD, (long)CURLFTPMETHOD_MULTICWD);
	curl_easy_setopt(
		curl, CURLOPT_FTP_CREATE_MISSING_DIRS, (long)CURLFTP_CREATE_DIR_RETRY);
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(curl, CURLOPT_READDATA, client);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
	return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "ftp,ftps,sftp") ==
		CURLE_OK &&
		set_text(curl, CURLOPT_USERNAME, settings->username) &&
		set_text(curl, CURLOPT_PASSWORD, settings->password) &&
		set_text(curl, CURLOPT_CAINFO, settings->ca_file) &&
		set_ssh(curl, settings);
}

static char *decoded_path(const char *url)
{
	CURLU *parsed = curl_url();
	char *path = NULL, *copy = NULL;

	if (parsed && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(parsed, CURLUPART_PATH, &path, CURLU_URLDECODE) == CURLUE_OK)
		copy = strdup(path);
	curl_free(path);
	curl_url_cleanup(parsed);
	if (copy) {
		size_t length = strlen(copy);
		while (length > 0 && copy[length - 1] == '/')
			copy[--length] = '\0';
	}
	return copy;
}

struct file_client *file_client_new(
	const struct file_settings *settings, char *why, size_t size)
{
	struct file_client *client = calloc(1, sizeof *client);

	snprintf(why, size, "out of memory, or libcurl lacks FTP or SFTP");
	if (!client)
		return NULL;
	atomic_init(&client->aborted, false);
	client->ssh = strncmp(settings->url, "sftp:", 5) == 0;
	client->url = strdup(settings->url);
	client->path = decoded_path(settings->url);
	client->curl = curl_easy_init();
	if (!client->url || !client->path || !client->curl || !set_up(client, settings)) {
		file_client_free(client);
		return NULL;
	}
	size_t length = strlen(client->url);
	while (length > 0 && client->url[length - 1] == '/')
		client->url[--length] = '\0';
	return client;
}

void file_client_free(struct file_client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	free(client->url);
	free(client->path);
	free(client);
}

void file_client_abort(struct file_client *client)
{
	atomic_store(&client->aborted, true);
}

/* --- one file ------------------------------------------------------------ */

static bool add(
	struct curl_slist **list, const char *format, const char *one, const char *two)
{
	char line[2 * PATH_SIZE + 16];

	/* The formats are those of make_commands(). */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	int length = snprintf(line, sizeof line, format, one, two);
#pragma GCC diagnostic pop
	struct curl_slist *longer =
		length < (int)sizeof line ? curl_slist_append(*list, line) : NULL;
	if (!longer)
		return false;
	*list = longer;
	return true;
}

/*
 * What comes behind the transfer. Where an earlier attempt may have got to its end the
 * file is there already, and many servers do not rename onto one; '*': it may be missing.
 */
static struct curl_slist *make_commands(
	const struct file_client *client, const char *folder, const char *name)
{
	char to[PATH_SIZE], from[PATH_SIZE + 8];
	struct curl_slist *list = NULL;
	bool good = true;

	if (client->ssh)
		snprintf(to, sizeof to, "%s/%s%s%s", client->path, folder,
			*folder ? "/" : "", name);
	else
		snprintf(to, sizeof to, "%s", name);
	snprintf(from, sizeof from, "%s.part", to);
	if (!client->certain)
		good = add(&list, client->ssh ? "*rm \"%s\"" : "*DELE %s", to, "");
	if (client->ssh)
		good = good && add(&list, "rename \"%s\" \"%s\"", from, to);
	else
		good = good && add(&list, "RNFR %s", from, "") &&
			add(&list, "RNTO %s", to, "");
	if (good)
		return list;
	curl_slist_free_all(list);
	return NULL;
}

/* Must a person act, or will it pass? */
static bool is_for_people(CURLcode code, long status)
{
	switch (code) {
	case CURLE_LOGIN_DENIED:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_USE_SSL_FAILED:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
		return true;
	case CURLE_REMOTE_ACCESS_DENIED:
		return status == 0 || status == 530 || status == 550 || status == 553;
	case CURLE_QUOTE_ERROR:
	case CURLE_UPLOAD_FAILED:
		return status == 530 || status == 532 || status == 550 || status == 553;
	default:
		return false;
	}
}

static void judge(struct file_client *client, CURLcode code, struct answer *answer)
{
	long status = 0;

	client->certain = code == CURLE_OK;
	if (code == CURLE_OK) {
		client->denied = 0;
		answer->outcome = OUTCOME_DONE;
		return;
	}
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	answer->status = (int)status;
	answer->maybe_taken = client->sent > 0;
	client->denied = code == CURLE_LOGIN_DENIED ? client->denied + 1 : 0;
	bool maybe_line =
		client->ssh && client->denied > 0 && client->denied < SSH_DENIALS;
	if (is_for_people(code, status) && !maybe_line)
		answer->outcome = OUTCOME_HELD;
	const char *text = *client->error ? client->error : curl_easy_strerror(code);
	if (code == CURLE_ABORTED_BY_CALLBACK)
		text = "stopped";
	if (status > 0)
		snprintf(answer->reason, sizeof answer->reason,
			"%.200s (last answer %ld)", text, status);
	else
		snprintf(answer->reason, sizeof answer->reason, "%.200s", text);
	for (char *c = answer->reason; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?'; /* the server's own words, which may be anything */
}

void file_put(struct file_client *client, const char *folder, const char *name,
	const struct buffer *body, struct answer *answer)
{
	CURL *curl = client->curl;
	char url[2 * PATH_SIZE];

	*answer = (struct answer){ .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };
	int length = snprintf(url, sizeof url, "%s/%s%s%s.part", client->url, folder,
		*folder ? "/" : "", name);
	struct curl_slist *commands = make_commands(client, folder, name);
	if (!commands || length >= (int)sizeof url) {
		curl_slist_free_all(commands);
		snprintf(answer->reason, sizeof answer->reason,
			"out of memory, or too long a name");
		return;
	}
	client->body = body;
	client->sent = 0;
	client->error[0] = '\0';
	curl_easy_setopt(curl, CURLOPT_POSTQUOTE, commands);
	curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)body->length);
	CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url);
	if (code == CURLE_OK)
		code = curl_easy_perform(curl);
	judge(client, code, answer);
	curl_easy_setopt(curl, CURLOPT_POSTQUOTE, NULL);
	curl_slist_free_all(commands);
	client->body = NULL;
}
