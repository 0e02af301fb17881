// What TensorFlow's libraries print while they are loaded, at any log level: the CUDA build reports as errors that it registers its
// factories twice, and 2.21 reports that oneDNN is on. Only a program that is loaded itself can keep that from its user: stderr is a file
// in memory from before the libraries' constructors run until the program's own constructors do.
#define _GNU_SOURCE
#ifdef __linux__
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "hold.h"

static const char *const noise[] = {
	"Unable to register cuFFT factory",
	"Unable to register cuDNN factory",
	"Unable to register cuBLAS factory",
	"oneDNN custom operations are on. You may see slightly different numerical results",
	"All log messages before absl::InitializeLog() is called are written to STDERR",
};

static int held = -1, original = -1;

void hold_stderr(void) {
	original = fcntl(2, F_DUPFD_CLOEXEC, 3);
	if (original < 0) return;
	held = syscall(SYS_memfd_create, "stderr", MFD_CLOEXEC);
	if (held >= 0) dup2(held, 2);
}

static int is_noise(const char *line, size_t n) {
	for (size_t i = 0; i < sizeof noise / sizeof *noise; i++)
		if (memmem(line, n, noise[i], strlen(noise[i]))) return 1;
	return 0;
}

// release_stderr restores stderr and prints what was held, without the noise. It is a constructor of the program, so it runs after those
// of the libraries and before Go.
__attribute__((constructor)) static void release_stderr(void) {
	if (held < 0) {
		if (original >= 0) close(original);
		return;
	}
	dup2(original, 2);
	close(original);
	off_t size = lseek(held, 0, SEEK_END);
	char *text = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, held, 0) : MAP_FAILED;
	if (text != MAP_FAILED) {
		for (char *line = text, *end = text + size; line < end;) {
			char *newline = memchr(line, '\n', end - line);
			size_t n = (newline ? newline + 1 : end) - line;
			if (!is_noise(line, n) && write(2, line, n) < 0) break;
			line += n;
		}
		munmap(text, size);
	}
	close(held);
}

// Abseil's logging in TensorFlow's framework library does not know TF_CPP_MIN_LOG_LEVEL. The C API cannot set its level, but the C++
// function for it is exported, in a namespace of the version of Abseil.
static const char *const set_level[] = {
	"_ZN4absl12lts_2023080214SetMinLogLevelENS0_18LogSeverityAtLeastE", // TensorFlow 2.18, 2.19
	"_ZN4absl12lts_2025012714SetMinLogLevelENS0_18LogSeverityAtLeastE", // 2.20
	"_ZN4absl12lts_2025081414SetMinLogLevelENS0_18LogSeverityAtLeastE", // 2.21
};

__attribute__((constructor)) static void set_absl_level(void) {
	const char *level = getenv("TF_CPP_MIN_LOG_LEVEL");
	if (!level || level[0] < '0' || level[0] > '3' || level[1]) return;
	for (size_t i = 0; i < sizeof set_level / sizeof *set_level; i++) {
		void (*set)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, set_level[i]);
		if (set) set(level[0] - '0');
	}
}
#endif
