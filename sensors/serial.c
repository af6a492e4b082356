#include "sensors/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "sensors/holder.h"

const char *const serial_parity_names[] = { "none", "even", "odd", NULL };

enum {
	BACKOFF_FIRST_MS = 200,
	WRITE_MS = 1000,
	BACKOFF_MAX_MS = 30 * 1000,
	/* Linux: Documentation/admin-guide/devices.txt */
	MAJOR_PTY_SLAVE_FIRST = 136,
	MAJOR_PTY_SLAVE_LAST = 143,
};

static const struct {
	int baud;
	speed_t speed;
} speeds[] = {
	{ 300, B300 },
	{ 600, B600 },
	{ 1200, B1200 },
	{ 2400, B2400 },
	{ 4800, B4800 },
	{ 9600, B9600 },
	{ 19200, B19200 },
	{ 38400, B38400 },
	{ 57600, B57600 },
	{ 115200, B115200 },
	{ 230400, B230400 },
	{ 460800, B460800 },
	{ 921600, B921600 },
};

static bool find_speed(int baud, speed_t *speed)
{
	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++) {
		if (speeds[i].baud == baud) {
			*speed = speeds[i].speed;
			return true;
		}
	}
	return false;
}

void serial_check(const void *values, const struct config_place *place)
{
	const struct serial_options *options = values;
	speed_t speed;

	if (!find_speed(options->baud, &speed))
		config_error(place, "baud",
			"%d is no speed of serial lines (1200, 2400, 4800, 9600, 19200, 38400, "
			"57600, 115200, …)",
			options->baud);
}

int64_t serial_char_us(const struct serial_options *options)
{
	int bits = 1 + options->data_bits + (options->parity != SERIAL_PARITY_NONE) +
		options->stop_bits;

	return options->baud > 0 ? (int64_t)bits * 1000000 / options->baud : 0;
}

static bool is_pseudo_terminal(int fd)
{
	struct stat status;

	if (fstat(fd, &status) != 0 || !S_ISCHR(status.st_mode))
		return false;
	return major(status.st_rdev) >= MAJOR_PTY_SLAVE_FIRST &&
		major(status.st_rdev) <= MAJOR_PTY_SLAVE_LAST;
}

int serial_set_line(int fd, const struct serial_options *options)
{
	struct termios line, now;
	speed_t speed;

	if (tcgetattr(fd, &line) != 0)
		return -1;
	if (!find_speed(options->baud, &speed)) {
		errno = EINVAL;
		return -1;
	}
	cfmakeraw(&line);
	/* No HUPCL: dropping DTR at closing resets some devices. */
	line.c_cflag &= ~(tcflag_t)(CSIZE | CSTOPB | PARENB | PARODD | CRTSCTS | HUPCL);
	line.c_cflag |= CLOCAL | CREAD | (options->data_bits == 7 ? CS7 : CS8);
	if (options->stop_bits == 2)
		line.c_cflag |= CSTOPB;
	if (options->parity != SERIAL_PARITY_NONE)
		line.c_cflag |= PARENB;
	if (options->parity == SERIAL_PARITY_ODD)
		line.c_cflag |= PARODD;
	line.c_cc[VMIN] = 1; /* so that reading 0 bytes means hang-up, not silence */
	line.c_cc[VTIME] = 0;
	if (cfsetispeed(&line, speed) != 0 || cfsetospeed(&line, speed) != 0 ||
		tcsetattr(fd, TCSANOW, &line) != 0)
		return -1;
	/* tcsetattr() is content when any one of the settings was taken. */
	if (tcgetattr(fd, &now) != 0)
		return -1;
	if (cfgetospeed(&now) != speed ||
		(now.c_cflag & CSIZE) != (line.c_cflag & CSIZE)) {
		errno = EINVAL;
		return -1;
	}
	return tcflush(fd, TCIOFLUSH);
}

void serial_say_gone(const struct serial_options *options, char *why, size_t size)
{
	snprintf(why, size, "%s: the port is not there (unplugged?)", options->port);
}

static void say_why(
	const struct serial_options *options, int error, char *why, size_t size)
{
	char holder[100];

	switch (error) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
	case EIO:
		serial_say_gone(options, why, size);
		break;
	case EACCES:
	case EPERM:
		snprintf(why, size,
			"%s: no permission; the user must be in the group dialout",
			options->port);
		break;
	case EBUSY:
	case EWOULDBLOCK:
		holder_find(options->port, holder, sizeof(holder));
		snprintf(why, size, "%s: taken by another program%s%s", options->port,
			holder[0] != '\0' ? ": " : "", holder);
		break;
	case ENOTTY:
		snprintf(why, size, "%s: not a serial port", options->port);
		break;
	case EINVAL:
		snprintf(why, size, "%s: the port cannot do %d baud, %d data bits",
			options->port, options->baud, options->data_bits);
		break;
	default:
		snprintf(why, size, "%s: %s", options->port, strerror(error));
		break;
	}
}

int serial_open(const struct serial_options *options, char *why, size_t size)
{
	int error, is_exclusive = 0;
	int fd = open(options->port, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		error = errno;
		say_why(options, error, why, size);
		errno = error;
		return -1;
	}
	if (!isatty(fd)) {
		errno = ENOTTY;
		goto failed;
	}
	/* TIOCEXCL alone does not stop root, flock() alone only those who ask. */
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		goto failed;
	if (ioctl(fd, TIOCGEXCL, &is_exclusive) == 0 && is_exclusive) {
		errno = EBUSY; /* root is let in all the same */
		goto failed;
	}
	/* A pty's other holder would keep TIOCEXCL set after we were killed: not there.
	 */
	if (!is_pseudo_terminal(fd) && ioctl(fd, TIOCEXCL) != 0)
		goto failed;
	if (serial_set_line(fd, options) != 0)
		goto failed;
	return fd;
failed:
	error = errno;
	say_why(options, error, why, size);
	close(fd);
	errno = error;
	return -1;
}

void serial_close(int fd)
{
	if (fd < 0)
		return;
	ioctl(fd, TIOCNXCL);
	close(fd);
}

enum serial_wait serial_wait(int fd, int wake_fd, int64_t ms)
{
	struct pollfd fds[2] = {
		{ .fd = wake_fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	int limit = ms < 0 ? -1 : ms > 24 * 3600 * 1000 ? 24 * 3600 * 1000 : (int)ms;
	int ready = poll(fds, 2, limit);

	if (ready <= 0)
		return SERIAL_QUIET;
	if (fds[0].revents != 0)
		return SERIAL_WOKEN;
	if (fds[1].revents & (POLLERR | POLLHUP | POLLNVAL))
		return SERIAL_GONE;
	return SERIAL_READY;
}

ssize_t serial_read(int fd, void *bytes, size_t size)
{
	ssize_t length = read(fd, bytes, size);

	if (length > 0)
		return length;
	if (length == 0) {
		errno = EIO;
		return -1;
	}
	return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

int serial_write(int fd, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;

	while (length > 0) {
		ssize_t written = write(fd, from, length);
		struct pollfd room = { .fd = fd, .events = POLLOUT };

		if (written < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (written > 0) {
			from += written;
			length -= (size_t)written;
		} else if (poll(&room, 1, WRITE_MS) <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return 0;
}

int64_t serial_backoff_ms(struct serial_backoff *backoff)
{
	int64_t ms = BACKOFF_FIRST_MS;
	uint32_t random = 0;

	for (unsigned i = 0; i < backoff->failures && ms < BACKOFF_MAX_MS; i++)
		ms *= 2;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	backoff->failures++;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = 0;
	return ms + random % (uint32_t)(ms / 4);
}
