#include "config/connection.h"

#include <stdio.h>

const char *const connection_http_schemes[] = { "http", "https", NULL };
const char *const connection_mqtt_schemes[] = { "mqtt", "mqtts", "ws", "wss", NULL };
const char *const connection_proxies[] = { "http", "https", "socks5h", NULL };
const char *const connection_sessions[] = { "persistent", "clean", NULL };

bool connection_has(const char *text)
{
	return text && *text;
}

void connection_check(
	const struct connection *connection, const struct config_place *place)
{
	bool has_name = connection_has(connection->username);

	if (connection_has(connection->client_key) &&
		!connection_has(connection->client_cert))
		config_error(place, "client_key", "needs client_cert");
	if (has_name && connection_has(connection->token_file))
		config_error(place, "username",
			"goes with password_file, not with token_file");
	if (!has_name && connection_has(connection->password_file))
		config_error(place, "password_file", "needs username");
}

void connection_check_login(
	const struct connection *connection, const struct config_place *place)
{
	if (connection_has(connection->username) &&
		!connection_has(connection->password_file) &&
		!connection_has(connection->token_file))
		config_error(place, "username", "needs password_file");
}

void mqtt_connection_check(
	const struct mqtt_connection *connection, const struct config_place *place)
{
	connection_check(&connection->server, place);
	if (connection->version == 4)
		config_error(place, "version", "3 (that is 3.1.1) or 5");
}

struct http_settings connection_http_settings(const struct connection *connection)
{
	return (struct http_settings){
		.timeout_ms = connection->timeout,
		.ca_file = connection->ca_file,
		.client_cert = connection->client_cert,
		.client_key = connection->client_key,
		.proxy = connection->proxy,
	};
}

struct mqtt_settings mqtt_connection_settings(const struct mqtt_connection *connection,
	const char *station, const char *owner, char id[static MQTT_CLIENT_ID_SIZE])
{
	const struct connection *server = &connection->server;
	const char *client_id = connection->client_id;

	if (!connection_has(client_id)) {
		snprintf(id, MQTT_CLIENT_ID_SIZE, "muabui-%s-%s", station, owner);
		client_id = id;
	}
	return (struct mqtt_settings){
		.url = server->url,
		.client_id = client_id,
		.version = connection->version,
		.is_clean = connection->session == 1,
		.session_expiry_ms = connection->session_expiry,
		.keep_alive_ms = connection->keep_alive,
		.username = server->username,
		.ca_file = server->ca_file,
		.client_cert = server->client_cert,
		.client_key = server->client_key,
	};
}

bool connection_read_secret(
	const char *file, char secret[static SECRET_MAX], char *why, size_t size)
{
	secret[0] = '\0';
	if (!connection_has(file))
		return true;
	if (!secret_read(file, secret, why, size))
		return false;
	for (const char *c = secret; *c; c++) {
		if ((unsigned char)*c >= ' ' && *c != 0x7f)
			continue;
		secret_wipe(secret, SECRET_MAX);
		snprintf(why, size, "%s has more than one line or control characters",
			file);
		return false;
	}
	return true;
}
