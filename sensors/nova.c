#include "sensors/nova.h"

ssize_t nova_frame(const uint8_t *bytes, size_t length)
{
	if (bytes[0] != NOVA_HEAD)
		return -1;
	if (length < 2)
		return 0;
	if (bytes[1] != NOVA_DATA && bytes[1] != NOVA_ANSWER && bytes[1] != NOVA_SDS198)
		return -1;
	return length < NOVA_FRAME_SIZE ? 0 : NOVA_FRAME_SIZE;
}

uint8_t nova_sum(const uint8_t *frame)
{
	unsigned sum = 0;

	for (size_t i = 2; i < 8; i++)
		sum += frame[i];
	return sum & 0xFF;
}

enum sensor_result nova_check(const uint8_t *frame, size_t length)
{
	if (length != NOVA_FRAME_SIZE)
		return SENSOR_BAD_LENGTH;
	if (frame[0] != NOVA_HEAD || frame[NOVA_FRAME_SIZE - 1] != NOVA_TAIL)
		return SENSOR_BAD_SYNC;
	return frame[8] == nova_sum(frame) ? SENSOR_OK : SENSOR_BAD_CHECKSUM;
}
