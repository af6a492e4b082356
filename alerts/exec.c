/*
 * The exec channel: runs a program of the installer's, a siren or a sign, without a
 * shell. It gets the message as JSON on standard input and in its environment, nothing
 * else of this program is open in it, and it has a limited time, after which it is ended
 * with all of its group.
 */
#include "alerts/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alerts/channel.h"
#include "core/clock.h"
#include "core/reason.h"

enum {
	DESCRIPTORS = 4096,  /* more than the service may have open */
	SLICE_MS = 20,       /* how late the program's end may be seen */
	TERMINATE_MS = 1000, /* from SIGTERM to SIGKILL */
	SAID_MAX = 4096,     /* of what it writes; the rest is thrown away */
};

struct exec_options {
	const char *command;
	struct option_strings arguments;
	int64_t timeout; /* ms */
};

static const struct option options[] = {
	{
		.name = "command",
		.type = OPTION_PATH,
		.offset = offsetof(struct exec_options, command),
		.required = true,
		.help = "The program, from the root of the file system; no shell looks at it.",
	},
	{
		.name = "arguments",
		.type = OPTION_STRINGS,
		.offset = offsetof(struct exec_options, arguments),
		.help = "What it is told, one by one; placeholders such as {severity} are filled in.",
	},
	{
		.name = "timeout",
		.type = OPTION_DURATION,
		.offset = offsetof(struct exec_options, timeout),
		.fallback = "10s",
		.min = 100,
		.max = 300 * 1000,
		.help = "How long it may run before it is ended and tried again.",
	},
	{ .name = NULL },
};

static void check(const void *values, const struct config_place *place)
{
	const struct exec_options *settings = values;

	if (settings->command[0] != '/')
		config_error(place, "command", "must begin with '/'");
}

struct exec {
	const struct exec_options *options;
	atomic_bool aborted;
};

/* One run of the program. Descriptors are -1 when closed. */
struct run {
	pid_t pid;
	int input, output; /* our ends */
	struct buffer message;
	size_t written; /* of it */
	struct buffer said;
	int status;
};

static void *exec_open(
	const struct channel_env *env, const void *values, char *why, size_t size)
{
	struct exec *exec = calloc(1, sizeof *exec);

	(void)env;
	if (!exec) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	exec->options = values;
	atomic_init(&exec->aborted, false);
	return exec;
}

static void exec_close(void *self)
{
	free(self);
}

/* --- the child ---------------------------------------------------------------- */

/*
 * In the child, between fork() and execve(): only what a signal handler may do, too. An
 * error goes to REPORT as errno.
 */
static void become(
	char *const *arguments, char *const *environment, const int *ends, int report)
{
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t none;

	setpgid(0, 0);
	for (int i = 1; i < NSIG; i++)
		sigaction(i, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* REPORT is above 2 (see start()), so that this closes it at execve() only. */
	if (dup2(ends[0], 0) >= 0 && dup2(ends[1], 1) >= 0 && dup2(ends[1], 2) >= 0 &&
		dup2(report, 3) >= 0 && fcntl(3, F_SETFD, FD_CLOEXEC) == 0 &&
		chdir("/") == 0) {
		if (close_range(4, ~0U, 0) < 0) {
			for (int fd = 4; fd < DESCRIPTORS; fd++)
				close(fd);
		}
		report = 3;
		execve(arguments[0], arguments, environment);
	}
	int error = errno;
	while (write(report, &error, sizeof error) < 0 && errno == EINTR)
		continue;
	_exit(127);
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A pipe whose ends are above 3: the child's standard ones are put below. */
static bool make_pipe(int ends[2])
{
	int low[2];

	ends[0] = ends[1] = -1;
	if (pipe2(low, O_CLOEXEC) < 0)
		return false;
	for (int i = 0; i < 2; i++)
		ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, 4);
	close(low[0]);
	close(low[1]);
	return ends[0] >= 0 && ends[1] >= 0;
}

/* Runs the program. 0, or an errno. */
static int start(struct run *run, char *const *arguments, char *const *environment)
{
	int input[2], output[2], report[2] = { -1, -1 }, error = 0;

	bool ok = make_pipe(input);
	ok = make_pipe(output) && ok;
	ok = ok && make_pipe(report);
	run->pid = ok ? fork() : -1;
	if (run->pid < 0)
		error = errno;
	if (run->pid == 0)
		become(arguments, environment, (const int[]){ input[0], output[1] },
			report[1]);
	close_end(&input[0]);
	close_end(&output[1]);
	close_end(&report[1]);
	if (run->pid > 0) {
		setpgid(run->pid, run->pid); /* whoever of both is first */
		ssize_t got;
		while ((got = read(report[0], &error, sizeof error)) < 0 &&
			errno == EINTR)
			continue;
		if (got != sizeof error)
			error = 0; /* execve() closed it */
	}
	close_end(&report[0]);
	run->input = input[1];
	run->output = output[0];
	if (error) {
		close_end(&run->input);
		close_end(&run->output);
		if (run->pid > 0)
			waitpid(run->pid, NULL, 0);
		return error;
	}
	fcntl(run->input, F_SETFL, O_NONBLOCK);
	fcntl(run->output, F_SETFL, O_NONBLOCK);
	return 0;
}

/* --- while it runs ------------------------------------------------------------ */

static void feed(struct run *run)
{
	size_t left = run->message.length - run->written;
	ssize_t written =
		left > 0 ? write(run->input, run->message.data + run->written, left) : 0;

	if (written > 0)
		run->written += (size_t)written;
	/* It need not read all of it, or any of it. */
	if (run->written == run->message.length ||
		(written < 0 && errno != EAGAIN && errno != EINTR))
		close_end(&run->input);
}

static void listen_to(struct run *run)
{
	char chunk[1024];
	ssize_t got = read(run->output, chunk, sizeof chunk);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
		close_end(&run->output);
		return;
	}
	size_t room = run->said.limit - run->said.length;
	if (got > 0)
		buffer_append(&run->said, chunk, (size_t)got < room ? (size_t)got : room);
}

/* Gives and takes what it can within a slice of time. */
static void talk(struct run *run)
{
	struct pollfd ends[2] = {
		{ .fd = run->input, .events = POLLOUT },
		{ .fd = run->output, .events = POLLIN },
	};

	if (poll(ends, 2, SLICE_MS) <= 0)
		return;
	if (ends[0].revents)
		feed(run);
	if (ends[1].revents)
		listen_to(run);
}

/*
 * Has it ended? Looks until then, at most for MS; STOP, where given, ends it earlier. It
 * stays to be waited for, so that nothing else gets its number.
 */
static bool has_ended(struct run *run, int64_t ms, const atomic_bool *stop)
{
	int64_t end = clock_real_ms() + ms;

	do {
		siginfo_t info = { .si_pid = 0 };

		if (waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
				0 &&
			info.si_pid == run->pid)
			return true;
		talk(run);
	} while (clock_real_ms() < end && !(stop && atomic_load(stop)));
	return false;
}

/* Ends it and all it has started. */
static void end_group(struct run *run)
{
	kill(-run->pid, SIGTERM);
	has_ended(run, TERMINATE_MS, NULL);
	/* Others of the group may go on without it. */
	kill(-run->pid, SIGKILL);
}

static void say_failure(struct answer *answer, const char *command, int error)
{
	bool for_person = error == ENOENT || error == EACCES || error == ENOEXEC ||
		error == ENOTDIR || error == EPERM || error == EISDIR;

	answer->outcome = for_person ? OUTCOME_HELD : OUTCOME_RETRY;
	reason_say(answer, "cannot run %s: %s", command, strerror(error));
}

static void run_it(struct exec *exec, struct run *run, char *const *arguments,
	char *const *environment, struct answer *answer)
{
	const struct exec_options *settings = exec->options;
	int error = start(run, arguments, environment);

	if (error) {
		say_failure(answer, settings->command, error);
		return;
	}
	bool ended = has_ended(run, settings->timeout, &exec->aborted);
	if (!ended)
		end_group(run);
	while (waitpid(run->pid, &run->status, 0) < 0 && errno == EINTR)
		continue;
	if (ended) {
		while (run->output >= 0 &&
			poll(&(struct pollfd){ .fd = run->output, .events = POLLIN }, 1,
				0) > 0)
			listen_to(run);
		exec_judge(
			run->status, buffer_text(&run->said), run->said.length, answer);
	} else {
		answer->maybe_taken = true;
		if (atomic_load(&exec->aborted))
			reason_say(answer, "stopped");
		else
			reason_say(answer, "ended after %lld ms",
				(long long)settings->timeout);
	}
	close_end(&run->input);
	close_end(&run->output);
}

static void exec_send(void *self, const struct message *message, struct answer *answer)
{
	struct exec *exec = self;
	struct exec_words arguments = { 0 }, environment = { 0 };
	struct run run = { .pid = -1, .input = -1, .output = -1 };

	*answer = (struct answer){ .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };
	if (atomic_load(&exec->aborted)) {
		reason_say(answer, "stopped");
		return;
	}
	buffer_init(&run.message, OUTBOX_BODY_MAX);
	buffer_init(&run.said, SAID_MAX);
	message_to_json(message, &run.message);
	buffer_putc(&run.message, '\n');
	if (!run.message.failed &&
		exec_arguments(message, exec->options->command, &exec->options->arguments,
			&arguments) &&
		exec_environment(message, &environment))
		run_it(exec, &run, arguments.words, environment.words, answer);
	else
		reason_say(answer, "out of memory");
	exec_words_free(&arguments);
	exec_words_free(&environment);
	buffer_free(&run.message);
	buffer_free(&run.said);
}

static void exec_abort(void *self)
{
	struct exec *exec = self;

	atomic_store(&exec->aborted, true);
}

extern const struct channel_driver channel_exec;
const struct channel_driver channel_exec = {
	.kind = {
		.name = "exec",
		.summary = "Runs a program of yours, a siren or a sign.",
		.group = {
			.name = "exec",
			.options = options,
			.size = sizeof(struct exec_options),
			.check = check,
		},
	},
	.open = exec_open,
	.close = exec_close,
	.send = exec_send,
	.abort = exec_abort,
};
