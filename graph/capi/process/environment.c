package capi

/*
#include <alloca.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
static const char *const defaults[][2] = {
	{"TF_CPP_MIN_LOG_LEVEL=", "TF_CPP_MIN_LOG_LEVEL=2"}, // errors
#ifdef __x86_64__
	// Without it TensorFlow uses oneDNN on new processors only; with AVX2 its products take 1.4 times as long then.
	{"TF_ENABLE_ONEDNN_OPTS=", "TF_ENABLE_ONEDNN_OPTS=1"},
#endif
};
enum { DEFAULTS = sizeof defaults / sizeof *defaults };

// TensorFlow reads these and prints its first lines while the library is loaded, before any constructor of this program, let
// alone Go code, runs. Functions in .preinit_array come earlier still, but the C library has no environment yet that could
// be changed. So the program starts itself again with what the user has not set; if that fails it runs on without. A
// second variable, DTL_TF_SET, tells the new process which of them the user did not choose.
static void setDefaults(int argc, char **argv, char **envp) {
	static char set[256] = "DTL_TF_SET=";
	int n = 0, missing = 0, marked = -1;
	while (envp[n]) n++;
	char **longer = alloca((n + DEFAULTS + 2) * sizeof *longer);
	memcpy(longer, envp, n * sizeof *longer);
	for (int i = 0; i < n; i++)
		if (!strncmp(envp[i], "DTL_TF_SET=", strlen("DTL_TF_SET="))) marked = i;
	for (int d = 0; d < DEFAULTS; d++) {
		const char *name = defaults[d][0];
		int found = 0;
		for (int i = 0; i < n; i++) found |= !strncmp(envp[i], name, strlen(name));
		if (found) continue;
		longer[n + missing++] = (char *)defaults[d][1];
		strcat(set, name);
	}
	if (!missing) return;
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
	if (length <= 0) return;
	path[length] = 0;
	if (marked >= 0) // left by a process above this one, whose choices have been taken away since
		longer[marked] = set;
	else
		longer[n + missing++] = set;
	longer[n + missing] = NULL;
	execve(path, argv, longer);
}

__attribute__((section(".preinit_array"), used))
static void (*beforeLibraries)(int, char **, char **) = setDefaults;
#endif
*/
import "C"
