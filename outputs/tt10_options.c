#include "outputs/tt10_options.h"

#include <stdio.h>
#include <string.h>

#include "store/aggregates.h"

/* The last folder of URL, which departments name after the station. */
static void last_folder(const char *url, char prefix[static TT10_PREFIX_MAX + 1])
{
	const char *host = strstr(url, "://");
	size_t end = strlen(url), start;

	host = host ? strchr(host + 3, '/') : NULL;
	*prefix = '\0';
	if (!host)
		return;
	while (end > 0 && url[end - 1] == '/')
		end--;
	for (start = end; start > 0 && url[start - 1] != '/';)
		start--;
	if (url + start > host && end > start && end - start <= TT10_PREFIX_MAX)
		snprintf(prefix, TT10_PREFIX_MAX + 1, "%.*s", (int)(end - start),
			url + start);
}

void tt10_settings_from(const struct tt10_options *options,
	struct tt10_settings *settings, char prefix[static TT10_PREFIX_MAX + 1],
	struct tt10_parameter defaults[static TT10_PARAMETERS_MAX])
{
	static const char *const line_ends[] = { "\r\n", "\n" };

	if (connection_has(options->prefix))
		snprintf(prefix, TT10_PREFIX_MAX + 1, "%s", options->prefix);
	else
		last_folder(options->server.url, prefix);
	*settings = (struct tt10_settings){
		.prefix = prefix,
		.station = options->station,
		.folder = options->folder,
		.parameters = options->parameters.items,
		.count = options->parameters.count,
		.period_ms = options->period,
		.completeness = options->min_completeness,
		.placeholder = options->placeholder,
		.line_end = line_ends[options->line_end],
	};
	if (settings->count == 0) {
		settings->count = tt10_default_parameters(defaults);
		settings->parameters = defaults;
	}
}

int tt10_wanted(const struct tt10_options *options, const struct tt10_settings *settings,
	struct store *store, uint32_t *wanted)
{
	*wanted = 0;
	for (size_t i = 0; i < settings->count; i++) {
		int has = options->parameters.count > 0
			? 1
			: aggregates_has(store, settings->station,
				  settings->parameters[i].metric->id);
		if (has < 0)
			return -1;
		*wanted |= (uint32_t)has << i;
	}
	return 0;
}

/* --- checking ------------------------------------------------------------ */

static void check_parameter(const void *values, const struct config_place *place)
{
	const struct tt10_parameter *parameter = values;

	if (!tt10_word_is_valid(parameter->symbol))
		config_error(place, "symbol", "must not contain a space");
	if (!tt10_word_is_valid(parameter->unit))
		config_error(place, "unit", "must not contain a space");
}

static void check_access(
	const struct tt10_options *options, const struct config_place *place)
{
	bool ssh = strncmp(options->server.url, "sftp:", 5) == 0;
	bool plain = strncmp(options->server.url, "ftp:", 4) == 0;

	if (ssh && !connection_has(options->known_hosts) &&
		!connection_has(options->host_fingerprint))
		config_error(place, "known_hosts",
			"is needed with sftp://, or host_fingerprint: without them anybody "
			"could pretend to be the server");
	if (!ssh && connection_has(options->key_file))
		config_error(place, "key_file", "goes with sftp://");
	if (!ssh &&
		(connection_has(options->known_hosts) ||
			connection_has(options->host_fingerprint)))
		config_error(place,
			connection_has(options->known_hosts) ? "known_hosts"
							     : "host_fingerprint",
			"goes with sftp://");
	if (!plain && options->tls != FILE_TLS_NONE)
		config_error(
			place, "tls", "goes with ftp://, other addresses have their own");
	if (!connection_has(options->server.password_file) &&
		!connection_has(options->key_file))
		config_error(place, "password_file", "is needed%s",
			ssh ? ", or key_file" : "");
}

void tt10_check(const void *values, const struct config_place *place)
{
	const struct tt10_options *options = values;
	char prefix[TT10_PREFIX_MAX + 1], folder[TT10_FOLDER_SIZE];
	struct tt10_parameter defaults[TT10_PARAMETERS_MAX];
	struct tt10_settings settings;
	const int64_t minute = 60 * 1000, day = 24 * 60 * minute;

	check_access(options, place);
	if (strpbrk(options->server.url, "?#"))
		config_error(place, "url", "must end before any '?' or '#'");
	if (options->parameters.count > TT10_PARAMETERS_MAX)
		config_error(place, "parameters", "at most %d are possible",
			TT10_PARAMETERS_MAX);
	if (options->period % minute != 0 || day % options->period != 0)
		config_error(place, "period", "must be whole minutes that divide a day");
	else if (options->settle >= options->period)
		config_error(place, "settle", "must be shorter than period");
	tt10_settings_from(options, &settings, prefix, defaults);
	if (!tt10_prefix_is_valid(prefix))
		config_error(place, connection_has(options->prefix) ? "prefix" : "url",
			"%s must be PROVINCE_FACILITY_STATION, of letters, digits and '-' "
			"(HN_DEMO_KKX001)",
			connection_has(options->prefix)
				? "it"
				: "without prefix, its last folder");
	if (strpbrk(options->folder, " \t\"\\%") || strstr(options->folder, "..") ||
		!tt10_folder(&settings, 0, folder))
		config_error(place, "folder", "must be a short path without spaces");
}

/* --- tables -------------------------------------------------------------- */

#define AT(member) offsetof(struct tt10_parameter, member)

static const struct option parameter_table[] = {
	{ .name = "metric",
		.type = OPTION_METRIC,
		.offset = AT(metric),
		.required = true,
		.help = "What is measured." },
	{ .name = "symbol",
		.type = OPTION_STRING,
		.offset = AT(symbol),
		.required = true,
		.min = 1,
		.max = 32,
		.help = "Its name as the department has registered it." },
	{ .name = "unit",
		.type = OPTION_STRING,
		.offset = AT(unit),
		.required = true,
		.min = 1,
		.max = 32,
		.help = "The unit written." },
	{ .name = "factor",
		.type = OPTION_NUMBER,
		.offset = AT(factor),
		.fallback = "1",
		.help = "Value written = mean × factor + offset (CO in mg/Nm3: 0.001)." },
	{ .name = "offset",
		.type = OPTION_NUMBER,
		.offset = AT(offset),
		.fallback = "0",
		.help = "Added after factor." },
	{ .name = "decimals",
		.type = OPTION_INTEGER,
		.offset = AT(decimals),
		.fallback = "1",
		.min = 0,
		.max = 6,
		.help = "Digits after the decimal point." },
	{ .name = "sensor",
		.type = OPTION_STRING,
		.offset = AT(sensor),
		.help = "The sensor to take, where several measure it; all of them when left "
			"out." },
	{ .name = NULL },
};

static const struct option_group parameter_group = {
	.name = "parameter",
	.options = parameter_table,
	.size = sizeof(struct tt10_parameter),
	.check = check_parameter,
};

#undef AT
#define AT(member) offsetof(struct tt10_options, member)

static const char *const schemes[] = { "ftp", "ftps", "sftp", NULL };
static const char *const tls_choices[] = { "none", "offered", "required", NULL };
static const char *const line_end_choices[] = { "crlf", "lf", NULL };

const struct option tt10_table[] = {
	CONNECTION_ROW(struct tt10_options, server, url, OPTION_URL, .required = true,
		.choices = schemes,
		.help = "The server, and the station's folder on it."),
	CONNECTION_ROW(struct tt10_options, server, username, OPTION_STRING,
		.required = true, .min = 1,
		.help = "The account the department has given."),
	CONNECTION_ROW(struct tt10_options, server, password_file, OPTION_SECRET,
		.help = "File with the password; with key_file, of the key."),
	{ .name = "tls",
		.type = OPTION_CHOICE,
		.offset = AT(tls),
		.fallback = "none",
		.choices = tls_choices,
		.help = "Whether an ftp:// connection is encrypted (AUTH TLS); ftps:// always "
			"is." },
	CONNECTION_CA_FILE(struct tt10_options, server),
	{ .name = "key_file",
		.type = OPTION_PATH,
		.offset = AT(key_file),
		.help = "Private key to log in with (sftp://)." },
	{ .name = "known_hosts",
		.type = OPTION_PATH,
		.offset = AT(known_hosts),
		.help = "File with the server's key, as ssh-keyscan writes it (sftp://)." },
	{ .name = "host_fingerprint",
		.type = OPTION_STRING,
		.offset = AT(host_fingerprint),
		.help = "The server key's SHA-256 fingerprint, without \"SHA256:\" "
			"(sftp://)." },
	CONNECTION_TIMEOUT(struct tt10_options, server, "30s", 1000,
		"The longest one file may take."),
	{ .name = "prefix",
		.type = OPTION_STRING,
		.offset = AT(prefix),
		.help = "PROVINCE_FACILITY_STATION, with which names begin; the last folder of "
			"url when left out." },
	{ .name = "station",
		.type = OPTION_STRING,
		.offset = AT(station),
		.help = "Whose readings, where the gateway has several stations; all when left "
			"out." },
	{ .name = "folder",
		.type = OPTION_STRING,
		.offset = AT(folder),
		.fallback = "YYYY/MM/DD",
		.help = "Folders below url; YYYY, MM, DD and {name} are filled in, \"\" is "
			"none." },
	{ .name = "period",
		.type = OPTION_DURATION,
		.offset = AT(period),
		.fallback = "5m",
		.min = 60 * 1000,
		.max = TT10_MINUTES_MAX * 60 * 1000,
		.help = "What one file covers." },
	{ .name = "settle",
		.type = OPTION_DURATION,
		.offset = AT(settle),
		.fallback = "30s",
		.min = 0,
		.max = 4 * 60 * 1000,
		.help = "How long after its end a period waits for readings on their way." },
	{ .name = "min_completeness",
		.type = OPTION_NUMBER,
		.offset = AT(min_completeness),
		.fallback = "75",
		.min = 0,
		.max = 100,
		.unit = "%",
		.help = "The minutes of a period that need a usable reading, else status 02." },
	{ .name = "placeholder",
		.type = OPTION_NUMBER,
		.offset = AT(placeholder),
		.fallback = "0",
		.min = -1e6,
		.max = 1e6,
		.help = "The number written with status 01 and 02." },
	{ .name = "line_end",
		.type = OPTION_CHOICE,
		.offset = AT(line_end),
		.fallback = "crlf",
		.choices = line_end_choices,
		.help = "How lines end." },
	{ .name = "parameters",
		.type = OPTION_LIST,
		.offset = AT(parameters),
		.group = &parameter_group,
		.help = "Symbols and units; those of Annex 15 for what the station measures, "
			"when left out." },
	{ .name = NULL },
};
