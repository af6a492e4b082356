#include "alerts/vapid.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base64.h"
#include "core/json.h"
#include "core/jwt.h"
#include "core/secret.h"

enum { CLAIMS_MAX = 1024, PEM_MAX = 1024 };

struct vapid {
	struct jwt_key *key;
	char *subject;
	char public[VAPID_PUBLIC_SIZE];
};

void vapid_free(struct vapid *vapid)
{
	if (!vapid)
		return;
	jwt_key_free(vapid->key);
	free(vapid->subject);
	free(vapid);
}

static bool say_public(const struct jwt_key *key, char public[static VAPID_PUBLIC_SIZE])
{
	uint8_t point[JWT_POINT_SIZE];
	struct buffer text;

	if (!jwt_key_point(key, point))
		return false;
	buffer_init(&text, VAPID_PUBLIC_SIZE);
	base64url_append(&text, point, sizeof point);
	bool ok = !text.failed;
	snprintf(public, VAPID_PUBLIC_SIZE, "%s", buffer_text(&text));
	buffer_free(&text);
	return ok;
}

struct vapid *vapid_load(const char *file, const char *subject, char *why, size_t size)
{
	char pem[SECRET_MAX], reason[128];
	struct vapid *vapid = calloc(1, sizeof *vapid);

	if (!vapid || !(vapid->subject = strdup(subject))) {
		snprintf(why, size, "out of memory");
		goto failed;
	}
	if (!secret_read(file, pem, why, size))
		goto failed;
	vapid->key = jwt_key_load(pem, JWT_ES256, reason, sizeof reason);
	secret_wipe(pem, sizeof pem);
	if (!vapid->key) {
		snprintf(why, size, "%s: %s", file, reason);
		goto failed;
	}
	if (!say_public(vapid->key, vapid->public)) {
		snprintf(why, size, "%s: no public key comes of it", file);
		goto failed;
	}
	return vapid;
failed:
	vapid_free(vapid);
	return NULL;
}

const char *vapid_public(const struct vapid *vapid)
{
	return vapid->public;
}

bool vapid_header(
	const struct vapid *vapid, const char *origin, int64_t now_s, struct buffer *out)
{
	struct buffer claims;
	struct json json;

	buffer_init(&claims, CLAIMS_MAX);
	json_start(&json, &claims);
	json_object(&json, NULL);
	json_string(&json, "aud", origin);
	json_integer(&json, "exp", now_s + VAPID_LIFE_S);
	json_string(&json, "sub", vapid->subject);
	json_end_object(&json);
	buffer_puts(out, "Authorization: vapid t=");
	bool ok = !claims.failed && jwt_sign(vapid->key, NULL, buffer_text(&claims), out);
	buffer_printf(out, ", k=%s", vapid->public);
	buffer_free(&claims);
	return ok && !out->failed;
}

/* --- making one ------------------------------------------------------ */

/* A new private key as PEM. The length, 0: OpenSSL failed. */
static size_t make_pem(char pem[static PEM_MAX])
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	size_t length = 0;

	if (pkey && bio &&
		PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1) {
		long got = BIO_get_mem_data(bio, &text);
		if (got > 0 && got < PEM_MAX) {
			length = (size_t)got;
			memcpy(pem, text, length);
			secret_wipe(text, length);
		}
	}
	pem[length] = '\0';
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return length;
}

/* Nothing half-written stays behind. */
static bool write_new(
	const char *file, const char *bytes, size_t length, char *why, size_t size)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		snprintf(why, size, "%s: %s", file,
			errno == EEXIST ? "is there already; a new key would end every "
					  "subscription made with the old one"
					: strerror(errno));
		return false;
	}
	bool ok = write(fd, bytes, length) == (ssize_t)length && fsync(fd) == 0;
	int error = errno;
	if (close(fd) < 0)
		ok = false;
	if (!ok) {
		unlink(file);
		snprintf(why, size, "%s: %s", file, strerror(error));
	}
	return ok;
}

bool vapid_generate(
	const char *file, char public[static VAPID_PUBLIC_SIZE], char *why, size_t size)
{
	char pem[PEM_MAX], reason[128];
	size_t length = make_pem(pem);
	struct jwt_key *key =
		length ? jwt_key_load(pem, JWT_ES256, reason, sizeof reason) : NULL;
	bool ok = key && say_public(key, public);

	if (ok)
		ok = write_new(file, pem, length, why, size);
	else
		snprintf(why, size, "OpenSSL cannot make a key on P-256");
	jwt_key_free(key);
	secret_wipe(pem, sizeof pem);
	return ok;
}
