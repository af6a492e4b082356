/* Finding the devices on serial ports, for those who wire them. */
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/log.h"
#include "core/number.h"
#include "gateway/arguments.h"
#include "gateway/command.h"
#include "sensors/probe.h"

enum { PORTS_MAX = 32, TIMEOUT_MS = 200, TIMEOUT_MIN_MS = 20, TIMEOUT_MAX_MS = 10000 };

struct run {
	struct probe_settings settings;
	unsigned found; /* on all ports */
};

static void print_found(void *arg, const struct probe_found *found)
{
	struct run *run = arg;
	char entry[PROBE_LINE_MAX], name[64];

	run->found++;
	snprintf(name, sizeof name, "%s-%u", found->driver->kind.name, run->found);
	probe_configuration(found, name, entry);
	printf("  %s %s", found->driver->kind.name,
		found->talks ? "talks by itself" : "answers");
	if (found->unit)
		printf(" as unit %d%s", found->unit, found->is_slow ? ", late" : "");
	if (found->address)
		printf(" at address %c", found->address);
	printf(", %d baud\n", found->serial.baud);
	for (size_t i = 0; i < found->alike_count; i++)
		printf("%s%s", i ? ", " : "    its frames look the same: ",
			found->alike[i]->kind.name);
	if (found->alike_count)
		putchar('\n');
	if (found->driver->bus == SENSOR_BUS_MODBUS)
		puts("    what its registers mean stands in its manual, perhaps in "
		     "/etc/muabui/devices");
	printf("    %s,\n", entry);
	fflush(stdout);
}

static void print_note(void *arg, const char *text)
{
	(void)arg;
	printf("  %s\n", text);
	fflush(stdout);
}

/* The ports of this machine, by their place where that is known. */
static int find_ports(glob_t *found)
{
	int result = glob("/dev/serial/by-path/*", 0, NULL, found);

	if (result == 0)
		return 0;
	result = glob("/dev/ttyUSB*", 0, NULL, found);
	if (glob("/dev/ttyACM*", result == 0 ? GLOB_APPEND : 0, NULL, found) == 0)
		result = 0;
	return result;
}

/* False when it was stopped. */
static bool try_port(struct run *run, const char *port)
{
	const struct probe_sink sink = {
		.arg = run,
		.found = print_found,
		.note = print_note,
	};
	char why[300];

	run->settings.port = port;
	printf("%s\n", port);
	fflush(stdout);
	enum probe_end end = probe_run(&run->settings, &sink, why, sizeof why);
	if (end == PROBE_FAILED)
		print_note(NULL, why);
	return end != PROBE_STOPPED;
}

/* A descriptor that becomes readable by Ctrl-C; both signals are taken by it alone. */
static int open_signals(void)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	return signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int probe_all(struct run *run, char *const *ports, size_t count)
{
	bool is_stopped = false;

	run->settings.stop_fd = open_signals();
	if (run->settings.stop_fd < 0) {
		log_error("cannot wait for signals");
		return EXIT_FAILURE;
	}
	printf("%zu port%s, at most %lld s each where nobody talks by itself\n", count,
		count == 1 ? "" : "s",
		(long long)(probe_duration_ms(&run->settings) / 1000 + 4));
	for (size_t i = 0; i < count && !is_stopped; i++)
		is_stopped = !try_port(run, ports[i]);
	close(run->settings.stop_fd);
	if (is_stopped)
		puts("stopped");
	return run->found && !is_stopped ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool read_number(const char *text, double min, double max, double *number)
{
	return number_parse(text, strlen(text), number) && *number >= min &&
		*number <= max;
}

/* Fills the settings by the words of the command line; 0, or the exit status. */
static int read_settings(struct probe_settings *settings, const char *baud,
	const char *parity, const char *timeout)
{
	double number = 0;
	int index = 0;

	if (baud && !read_number(baud, 300, 921600, &number))
		return command_usage("probe", "--baud %s: not a speed", baud);
	settings->baud = (int)number;
	while (parity && serial_parity_names[index] &&
		strcmp(serial_parity_names[index], parity) != 0)
		index++;
	if (!serial_parity_names[index])
		return command_usage("probe", "--parity %s: none, even or odd", parity);
	settings->parity = index;
	number = TIMEOUT_MS;
	if (timeout && !read_number(timeout, TIMEOUT_MIN_MS, TIMEOUT_MAX_MS, &number))
		return command_usage("probe", "--timeout %s: milliseconds, %d to %d",
			timeout, TIMEOUT_MIN_MS, TIMEOUT_MAX_MS);
	settings->timeout_ms = (int64_t)number;
	return 0;
}

int command_probe(int argc, char **argv)
{
	const char *ports[PORTS_MAX], *baud = NULL, *parity = NULL, *timeout = NULL;
	struct run run = { .found = 0 };
	const struct argument table[] = {
		{ .name = "--baud", .value = &baud },
		{ .name = "--parity", .value = &parity },
		{ .name = "--timeout", .value = &timeout },
		{ .name = "--all", .flag = &run.settings.all },
		{ .name = NULL },
	};
	glob_t found = { .gl_pathc = 0 };
	char why[256];
	int status;

	int count = arguments_take(argc, argv, table, ports, PORTS_MAX, why, sizeof why);
	if (count < 0)
		return command_usage("probe", "%s", why);
	if ((status = read_settings(&run.settings, baud, parity, timeout)) != 0)
		return status;
	if (count > 0)
		return probe_all(&run, (char *const *)ports, (size_t)count);
	if (find_ports(&found) != 0) {
		log_error(
			"no serial ports: nothing in /dev/serial/by-path, no ttyUSB or ttyACM");
		return EXIT_FAILURE;
	}
	status = probe_all(&run, found.gl_pathv, found.gl_pathc);
	globfree(&found);
	return status;
}
