#include "sensors/probe_port.h"

#include "core/clock.h"

bool probe_goes_on(const struct probe *probe)
{
	return !probe->is_stopped && !probe->is_lost;
}

size_t probe_read(struct probe *probe, int64_t until_ms, uint8_t *bytes, size_t size)
{
	while (probe_goes_on(probe)) {
		int64_t left = until_ms - clock_real_ms();
		ssize_t length;

		switch (serial_wait(
			probe->fd, probe->settings->stop_fd, left > 0 ? left : 0)) {
		case SERIAL_QUIET:
			return 0;
		case SERIAL_WOKEN:
			probe->is_stopped = true;
			return 0;
		case SERIAL_GONE:
			probe->is_lost = true;
			return 0;
		case SERIAL_READY:
			break;
		}
		length = serial_read(probe->fd, bytes, size);
		if (length > 0)
			return (size_t)length;
		probe->is_lost = length < 0;
	}
	return 0;
}

void probe_drain(struct probe *probe, int64_t ms)
{
	uint8_t bytes[256];
	int64_t until_ms = clock_real_ms() + ms;

	while (probe_read(probe, until_ms, bytes, sizeof(bytes)) > 0)
		;
}

bool probe_ask(struct probe *probe, const uint8_t *request, size_t length)
{
	if (probe_goes_on(probe) && serial_write(probe->fd, request, length) != 0)
		probe->is_lost = true;
	return probe_goes_on(probe);
}

void probe_set_baud(struct probe *probe, int baud)
{
	probe->serial.baud = baud;
	if (probe_goes_on(probe) && serial_set_line(probe->fd, &probe->serial) != 0)
		probe->is_lost = true;
}

void probe_tell(struct probe *probe, struct probe_found *found)
{
	found->serial = probe->serial;
	probe->found++;
	probe->sink->found(probe->sink->arg, found);
}
