// Default settings of TensorFlow, applied before it is loaded.
#ifdef __linux__
#include <alloca.h>
#include <string.h>
#include <unistd.h>
#include "hold.h"

static const char *const defaults[][2] = {
	{"TF_CPP_MIN_LOG_LEVEL=", "TF_CPP_MIN_LOG_LEVEL=2"}, // errors
#ifdef __x86_64__
	// By default TensorFlow uses oneDNN on recent processors only; with AVX2, matrix products then take 1.4 times as long.
	{"TF_ENABLE_ONEDNN_OPTS=", "TF_ENABLE_ONEDNN_OPTS=1"},
#endif
};
enum { DEFAULTS = sizeof defaults / sizeof *defaults };

// set_defaults re-executes the program with the variables that the user has not set. TensorFlow reads them, and prints its first
// lines, while its library is loaded: before any constructor of this program runs, let alone Go code. Functions in
// .preinit_array run earlier still, but at that point the C library has no environment yet that could be changed, so a new process
// image is the only way. If execve fails, the program runs on without the defaults. The variable DTL_TF_SET tells the new
// image which variables were defaults rather than the user's choice.
static void set_defaults(int argc, char **argv, char **envp) {
	static char set[256] = "DTL_TF_SET=";
	int n = 0, added = 0, marker = -1;
	while (envp[n]) n++;
	char **extended = alloca((n + DEFAULTS + 2) * sizeof *extended);
	memcpy(extended, envp, n * sizeof *extended);
	for (int i = 0; i < n; i++)
		if (!strncmp(envp[i], "DTL_TF_SET=", strlen("DTL_TF_SET="))) marker = i;
	for (int d = 0; d < DEFAULTS; d++) {
		const char *name = defaults[d][0];
		int found = 0;
		for (int i = 0; i < n; i++) found |= !strncmp(envp[i], name, strlen(name));
		if (found) continue;
		extended[n + added++] = (char *)defaults[d][1];
		strcat(set, name);
	}
	if (!added) {
		hold_stderr();
		return;
	}
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
	if (length <= 0) {
		hold_stderr();
		return;
	}
	path[length] = 0;
	if (marker >= 0) // inherited from a parent process whose defaults have been unset since
		extended[marker] = set;
	else
		extended[n + added++] = set;
	extended[n + added] = NULL;
	execve(path, argv, extended);
	hold_stderr();
}

__attribute__((section(".preinit_array"), used))
static void (*before_libraries)(int, char **, char **) = set_defaults;
#endif
