// A filter on this process's stderr. It is a separate process that reads a pipe. A thread would die with a process that aborts,
// and the last words with it; a separate process reads the pipe to its last byte and only then ends.
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

enum { MAX_LINE = 4096 }; // bytes; longer lines pass unchecked

static int original = -1; // a copy of the file descriptor of stderr
static pid_t filter;

static void write_all(const char *text, size_t n) {
	while (n > 0) {
		ssize_t done = write(2, text, n);
		if (done <= 0) return; // no reader; the caller must still drain the pipe
		text += done, n -= done;
	}
}

// write_line writes a line unless it contains one of the texts in drop.
static void write_line(const char *line, size_t n, const char *const *drop) {
	for (; *drop; drop++)
		if (memmem(line, n, *drop, strlen(*drop))) return;
	write_all(line, n);
}

// filter_lines copies a pipe to stderr, each line as soon as it is complete.
static void filter_lines(int from, const char *const *drop) {
	static char text[MAX_LINE];
	size_t filled = 0;
	int inside = 0; // of a long line, whose beginning has been written
	ssize_t n;
	while ((n = read(from, text + filled, MAX_LINE - filled)) > 0) {
		filled += n;
		char *begin = text, *end = text + filled, *newline;
		for (; (newline = memchr(begin, '\n', end - begin)); begin = newline + 1, inside = 0) {
			if (inside) write_all(begin, newline + 1 - begin);
			else write_line(begin, newline + 1 - begin, drop);
		}
		if (inside || (begin == text && filled == MAX_LINE)) write_all(begin, end - begin), begin = end, inside = 1;
		filled = end - begin;
		memmove(text, begin, filled);
	}
	write_line(text, filled, drop);
}

// begin_filter puts a filter between this process and its stderr, or does nothing if it can't. drop ends with NULL. After fork
// it calls only functions that are safe in the child of a process with threads.
void begin_filter(const char *const *drop) {
	int ends[2];
	if (pipe(ends)) return;
	original = fcntl(2, F_DUPFD_CLOEXEC, 3);
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); // the filter must survive Ctrl-C and must not run Go's signal handlers
	filter = original < 0 ? -1 : fork();
	if (filter == 0) {
		// Close everything else: the filter may outlive the process and must not hold on to its locks and pipes.
		dup2(ends[0], 0);
		dup2(2, 1);
#ifdef SYS_close_range
		if (syscall(SYS_close_range, 3, ~0u, 0))
#endif
			for (int fd = 3; fd < 1024; fd++) close(fd);
		filter_lines(0, drop);
		_exit(0);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (filter > 0) dup2(ends[1], 2);
	else if (original >= 0) close(original);
	close(ends[0]);
	close(ends[1]);
}

// end_filter restores stderr and waits until everything written so far has passed the filter.
void end_filter(void) {
	if (filter <= 0) return;
	dup2(original, 2);
	close(original);
	while (waitpid(filter, NULL, 0) < 0 && errno == EINTR) {}
	filter = 0;
}
