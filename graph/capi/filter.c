#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

// What this process says on stderr for a while, without some lines. A process of its own reads it, because what is in a pipe or
// a file of a process that aborts would be lost with it: the filter goes on until the last byte and only then ends.

enum { most = 4096 }; // bytes of a line that are looked at

static int real = -1;
static pid_t filter;

static void say(const char *text, size_t n) {
	while (n > 0) {
		ssize_t done = write(2, text, n);
		if (done <= 0) return; // nobody reads it, and the rest is still to be taken out of the pipe
		text += done, n -= done;
	}
}

// pass says a line unless it has one of the texts in it.
static void pass(const char *line, size_t n, const char *const *drop) {
	for (; *drop; drop++)
		if (memmem(line, n, *drop, strlen(*drop))) return;
	say(line, n);
}

// copy passes on what comes from a pipe, line by line, as soon as a line is whole. What is longer than most is not looked at.
static void copy(int from, const char *const *drop) {
	static char text[most];
	size_t have = 0;
	int rest = 0; // of a long line
	ssize_t n;
	while ((n = read(from, text + have, most - have)) > 0) {
		have += n;
		char *begin = text, *end = text + have, *newline;
		for (; (newline = memchr(begin, '\n', end - begin)); begin = newline + 1, rest = 0) {
			if (rest) say(begin, newline + 1 - begin);
			else pass(begin, newline + 1 - begin, drop);
		}
		if (rest || (begin == text && have == most)) say(begin, end - begin), begin = end, rest = 1;
		have = end - begin;
		memmove(text, begin, have);
	}
	pass(text, have, drop);
}

// begin_filter puts a filter between this process and its stderr. drop ends with NULL. Where that is not possible, it does nothing.
// What comes after fork is safe in a process that had threads.
void begin_filter(const char *const *drop) {
	int ends[2];
	if (pipe(ends)) return;
	real = fcntl(2, F_DUPFD_CLOEXEC, 3);
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); // the filter outlives Ctrl-C, and none of Go's handlers runs in it
	filter = real < 0 ? -1 : fork();
	if (filter == 0) {
		// Locks and pipes of the process must not last longer than it.
		dup2(ends[0], 0);
		dup2(2, 1);
#ifdef SYS_close_range
		if (syscall(SYS_close_range, 3, ~0u, 0))
#endif
			for (int fd = 3; fd < 1024; fd++) close(fd);
		copy(0, drop);
		_exit(0);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (filter > 0) dup2(ends[1], 2);
	else if (real >= 0) close(real);
	close(ends[0]);
	close(ends[1]);
}

// end_filter gives the process its stderr back, and waits until all that it said has arrived there.
void end_filter(void) {
	if (filter <= 0) return;
	dup2(real, 2);
	close(real);
	while (waitpid(filter, NULL, 0) < 0 && errno == EINTR) {}
	filter = 0;
}
