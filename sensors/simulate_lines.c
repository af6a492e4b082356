/* Weather transmitters that speak lines, and SDI-12 sensors, as they are played. */
#include <stdio.h>
#include <string.h>

#include "sensors/line.h"
#include "sensors/sdi12.h"
#include "sensors/simulate.h"

/* Where the first END in what was heard is, and all before it; 0: there is none. */
static size_t find_end(const struct simulate_device *device, char end)
{
	const uint8_t *at = memchr(device->heard, end, device->heard_length);

	return at != NULL ? (size_t)(at - device->heard) + 1 : 0;
}

static bool begins_with(const uint8_t *piece, size_t length, const void *arg)
{
	const char *head = arg;

	return length > strlen(head) && memcmp(piece, head, strlen(head)) == 0;
}

/* --- NMEA ------------------------------------------------------------------------ */

/* NMEA-1 to NMEA-4 of the fixtures. */
const struct simulation simulation_nmea = {
	.summary = "weather instrument that talks NMEA 0183: MDA, MWV",
	.sample =
		"$WIMDA,29.796,I,1.009,B,31.7,C,,,,,,,82.3,T,72.3,M,7.4,N,3.8,M*23\r\n"
		"$WIMDA,29.8578,I,1.0111,B,26.1,C,,,16.1,,-1.6,C,0.0,T,1.4,M,0.0,N,0.0,M*7C\r\n"
		"$WIMDA,29.2554,I,0.9907,B,23.9,C,,,14.4,,-4.8,C,,,,,,,,*61\r\n"
		"$WIMWV,181.1,R,0.3,N,A*29\r\n",
};

/* --- WXT -------------------------------------------------------------------------- */

/* "0R2" brings what begins with "0R2,"; with a small r, a CRC is behind both. */
static size_t wxt_reply(struct simulate_device *device, size_t *used,
	uint8_t frame[static SIMULATE_FRAME_MAX])
{
	char head[] = "0R0,";
	struct span line;

	*used = find_end(device, '\n');
	if (*used == 0)
		return 0;
	line = span_trim((struct span){ (const char *)device->heard, *used });
	if (span_is(line, "?"))
		return simulate_line(frame, "0\r\n");
	if (line.length >= 2 && line.at[1] == 'r' && !line_take_crc(&line))
		return 0;
	if (line.length != 3 || line.at[0] != '0')
		return 0;
	memcpy(head, line.at, 3);
	return recording_find(&device->recording, begins_with, head, frame);
}

/* WXT-1 to WXT-6 of the fixtures. */
const struct simulation simulation_wxt = {
	.summary = "Vaisala WXT that is asked; --mode talking: by itself",
	.sample =
		"0R1,Dn=236D,Dm=283D,Dx=031D,Sn=0.0M,Sm=1.0M,Sx=2.2M\r\n"
		"0R2,Ta=16.0C,Ua=50.0P,Pa=1018.1H\r\n"
		"0R3,Rc=144.09M,Rd=26760s,Ri=0.0M,Hc=0.0M,Hd=0s,Hi=0.0M\r\n"
		"0R5,Th=15.6C,Vh=0.0N,Vs=15.2V,Vr=3.498V,Id=Ant\r\n"
		"0R0,Dn=29D,Dm=312D,Dx=323D,Sn=0.3M,Sm=0.4M,Sx=0.4M,Ta=9.0C,Tp=9.1C,Ua=88.6P,"
		"Pa=1006.9H,Rc=0.00M,Rd=0s,Ri=0.0M,Hc=0.0M,Hd=0s,Hi=0.0M,Rp=0.0M,Hp=0.0M,"
		"Vs=12.1V,Vr=3.534V\r\n"
		"0r1,Dn=052D,Dm=057D,Dx=064D,Sn=0.3M,Sm=0.4M,Sx=0.5MI[B\r\n"
		"0r2,Ta=13.8C,Tp=13.9C,Ua=75.2P,Pa=1015.7HGZZ\r\n"
		"0r3,Rc=0.00M,Rd=0s,Ri=0.0M,Hc=0.0M,Hd=0s,Hi=0.0M,Rp=0.7M,Hp=0.0MC}J\r\n",
	.is_asked = true,
	.reply = wxt_reply,
};

/* --- SDI-12 ------------------------------------------------------------------------- */

/* What the sensor says to COMMAND, without the line end. */
static void answer_sdi12(
	struct simulate_device *device, struct span command, char *text, size_t size)
{
	static const char values[] = "+12.5+71.2+1009.8";
	struct sdi12_measurement measurement;
	bool has_values = false;

	snprintf(text, size, "0");
	if (span_is(command, "I")) {
		snprintf(text, size, "013MUABUI  SIMULA100");
	} else if (sdi12_read_measurement(command, &measurement)) {
		device->wants_crc = measurement.has_crc;
		has_values = measurement.is_continuous;
		if (!has_values)
			snprintf(text, size,
				measurement.is_concurrent ? "000003" : "00003");
	} else {
		has_values = span_is(command, "D0");
	}
	if (has_values)
		snprintf(text, size, "0%s", values);
	if (has_values && device->wants_crc) {
		char crc[LINE_CRC_SIZE];

		line_crc((struct span){ text, strlen(text) }, crc);
		snprintf(text + strlen(text), size - strlen(text), "%.3s", crc);
	}
}

/* The exchange that COMMAND belongs to: of data, the one that was begun. */
static const uint8_t *find_command(struct simulate_device *device, const char *command)
{
	uint8_t piece[RECORDING_PIECE_MAX];
	const uint8_t *at = NULL;
	size_t length;

	if (command[1] == 'D')
		at = memmem(device->last, device->last_length, command, strlen(command));
	if (at != NULL)
		return at;
	length = recording_find(&device->recording, begins_with, command, piece);
	memcpy(device->last, piece, length);
	device->last_length = length;
	return length > 0 ? device->last : NULL;
}

/* Of a fixture, the lines behind COMMAND up to the next command. */
static size_t answer_from_fixture(struct simulate_device *device, const char *command,
	uint8_t frame[static SIMULATE_FRAME_MAX])
{
	const uint8_t *at = find_command(device, command);
	const uint8_t *end = device->last + device->last_length;
	size_t length = 0;

	if (at == NULL)
		return 0;
	at += strlen(command);
	while (at + length < end) {
		const uint8_t *line = at + length;
		const uint8_t *next = memchr(line, '\n', (size_t)(end - line));
		size_t size =
			next != NULL ? (size_t)(next - line) + 1 : (size_t)(end - line);

		if (memchr(line, '!', size) != NULL)
			break;
		length += size;
	}
	memcpy(frame, at, length);
	return length;
}

static size_t sdi12_reply(struct simulate_device *device, size_t *used,
	uint8_t frame[static SIMULATE_FRAME_MAX])
{
	char text[SDI12_RESPONSE_MAX];
	struct span line;

	*used = find_end(device, '!');
	if (*used == 0)
		return 0;
	line = span_trim((struct span){ (const char *)device->heard, *used });
	if (span_is(line, "?!"))
		return simulate_line(frame, "0\r\n");
	if (line.length < 2 || line.length > SDI12_COMMAND_MAX || line.at[0] != '0')
		return 0;
	if (device->settings->fixture_count > 0) {
		snprintf(text, sizeof(text), "%.*s", (int)line.length, line.at);
		return answer_from_fixture(device, text, frame);
	}
	answer_sdi12(device, (struct span){ line.at + 1, line.length - 2 }, text,
		sizeof(text));
	return simulate_line(frame, "%s\r\n", text);
}

/* Talking makes no sense on this wire: the sample is there to be shown by decode. */
const struct simulation simulation_sdi12 = {
	.summary = "SDI-12 sensor with address 0 and three values",
	.sample = "0M!00003\r\n0D0!0+12.5+71.2+1009.8\r\n",
	.is_asked = true,
	.reply = sdi12_reply,
};
