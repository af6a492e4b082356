/*
 * The options of a connection to a server: the rows that several drivers' tables share,
 * the structs behind them, and what core's clients are told of them. A driver's struct
 * contains one of the structs, its table one of the lists of rows.
 *
 * A text that was left out is NULL or "".
 */
#ifndef MUABUI_CONFIG_CONNECTION_H
#define MUABUI_CONFIG_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/option.h"
#include "core/http_client.h"
#include "core/mqtt_client.h"
#include "core/secret.h"

struct connection {
	const char *url;
	const char *username;
	const char *password_file;
	const char *token_file;
	const char *ca_file;
	const char *client_cert;
	const char *client_key;
	const char *proxy;
	int64_t timeout; /* ms */
};

struct mqtt_connection {
	struct connection server;
	int version;            /* 3: 3.1.1; or 5 */
	int session;            /* 0 persistent, 1 clean */
	int64_t session_expiry; /* ms; MQTT 5 only */
	int64_t keep_alive;     /* ms */
	const char *client_id;  /* "": made by mqtt_connection_settings() */
};

/* --- rows ------------------------------------------------------------------ */

extern const char *const connection_http_schemes[]; /* http, https */
extern const char *const connection_mqtt_schemes[]; /* mqtt, mqtts, ws, wss */
extern const char *const connection_proxies[];
extern const char *const connection_sessions[]; /* persistent, clean */

/* The row NAME of the MEMBER of struct TYPE. */
#define CONNECTION_ROW(TYPE, MEMBER, NAME, KIND, ...)                               \
	{                                                                           \
		.name = #NAME, .type = KIND, .offset = offsetof(TYPE, MEMBER.NAME), \
		__VA_ARGS__                                                         \
	}

/* MEMBER of struct TYPE is a struct connection, here and in what follows. */
#define CONNECTION_HTTP_URL(TYPE, MEMBER, HELP)                         \
	CONNECTION_ROW(TYPE, MEMBER, url, OPTION_URL, .required = true, \
		.choices = connection_http_schemes, .help = HELP)

#define CONNECTION_TIMEOUT(TYPE, MEMBER, FALLBACK, MIN, HELP)                        \
	CONNECTION_ROW(TYPE, MEMBER, timeout, OPTION_DURATION, .fallback = FALLBACK, \
		.min = MIN, .max = 10 * 60 * 1000, .unit = "duration", .help = HELP)

#define CONNECTION_CA_FILE(TYPE, MEMBER)                   \
	CONNECTION_ROW(TYPE, MEMBER, ca_file, OPTION_PATH, \
		.help = "Certificates to trust instead of the system's (PEM).")

#define CONNECTION_TLS(TYPE, MEMBER)                                         \
	CONNECTION_CA_FILE(TYPE, MEMBER),                                    \
		CONNECTION_ROW(TYPE, MEMBER, client_cert, OPTION_PATH,       \
			.help = "Certificate to show to the server (PEM)."), \
		CONNECTION_ROW(TYPE, MEMBER, client_key, OPTION_PATH,        \
			.help = "Private key of client_cert (PEM).")

/* What follows the address and the log-in of whatever goes by HTTP. */
#define CONNECTION_HTTP(TYPE, MEMBER) CONNECTION_HTTP_WITHIN(TYPE, MEMBER, "10s")
#define CONNECTION_HTTP_WITHIN(TYPE, MEMBER, TIMEOUT)                               \
	CONNECTION_TIMEOUT(                                                         \
		TYPE, MEMBER, TIMEOUT, 100, "The longest one sending may take."),   \
		CONNECTION_TLS(TYPE, MEMBER),                                       \
		CONNECTION_ROW(TYPE, MEMBER, proxy, OPTION_URL,                     \
			.choices = connection_proxies,                              \
			.help = "Proxy on the way there; without it none is used, " \
				"whatever the environment says.")

/* MEMBER of struct TYPE is a struct mqtt_connection. */
#define CONNECTION_MQTT_URL(TYPE, MEMBER)                                                     \
	CONNECTION_ROW(TYPE, MEMBER.server, url, OPTION_URL, .required = true,                \
		.choices = connection_mqtt_schemes,                                           \
		.help = "The broker: mqtt://host[:1883], mqtts://host[:8883], by websockets " \
			"ws://host[:80][/mqtt] or wss://host[:443][/mqtt].")

/* KEPT: what a session keeps; OWNER: after what the client is named. */
#define CONNECTION_MQTT(TYPE, MEMBER, KEPT, OWNER, KEEP_ALIVE_MAX)                       \
	CONNECTION_ROW(TYPE, MEMBER, version, OPTION_INTEGER, .fallback = "3", .min = 3, \
		.max = 5,                                                                \
		.help = "MQTT version: 3 (3.1.1) or 5, which can say why not."),         \
		CONNECTION_ROW(TYPE, MEMBER, session, OPTION_CHOICE,                     \
			.fallback = "persistent", .choices = connection_sessions,        \
			.help = "Whether the broker keeps " KEPT                         \
				" while the gateway is away."),                          \
		CONNECTION_ROW(TYPE, MEMBER, session_expiry, OPTION_DURATION,            \
			.fallback = "7d", .min = 1000, .max = 365.0 * 24 * 3600 * 1000,  \
			.unit = "duration",                                              \
			.help = "How long a broker of version 5 keeps a persistent "     \
				"session."),                                             \
		CONNECTION_ROW(TYPE, MEMBER, client_id, OPTION_STRING, .fallback = "",   \
			.max = 255,                                                      \
			.help = "MQTT client id; empty: made of station id and " OWNER   \
				" name."),                                               \
		CONNECTION_ROW(TYPE, MEMBER.server, username, OPTION_STRING, .max = 255, \
			.help = "User name for the broker."),                            \
		CONNECTION_ROW(TYPE, MEMBER.server, password_file, OPTION_SECRET,        \
			.help = "File with the password."),                              \
		CONNECTION_TLS(TYPE, MEMBER.server),                                     \
		CONNECTION_ROW(TYPE, MEMBER, keep_alive, OPTION_DURATION,                \
			.fallback = "30s", .min = 5000, .max = KEEP_ALIVE_MAX,           \
			.unit = "duration",                                              \
			.help = "A dead connection is noticed within 1.5 of this.")

/* --- what rows cannot say ---------------------------------------------------- */

bool connection_has(const char *text);

/* That what needs another key has it. */
void connection_check(
	const struct connection *connection, const struct config_place *place);
/* Besides: a user name needs a password, where there is no token. */
void connection_check_login(
	const struct connection *connection, const struct config_place *place);
void mqtt_connection_check(
	const struct mqtt_connection *connection, const struct config_place *place);

/* --- for the clients -------------------------------------------------------- */

/* All but username, password, bearer and method, as CONNECTION has it. */
struct http_settings connection_http_settings(const struct connection *connection);

enum { MQTT_CLIENT_ID_SIZE = 512 };

/*
 * All but the will and the password, as CONNECTION has it. ID receives the client's id
 * where it is to be made of STATION and OWNER, and must outlive what is returned.
 */
struct mqtt_settings mqtt_connection_settings(const struct mqtt_connection *connection,
	const char *station, const char *owner, char id[static MQTT_CLIENT_ID_SIZE]);

/*
 * Reads the secret in FILE, which is to stand in a header or log-in: one line without
 * control characters. SECRET is "" without a FILE. False with the reason in WHY.
 */
bool connection_read_secret(
	const char *file, char secret[static SECRET_MAX], char *why, size_t size);

#endif
