package capi

/*
#include <alloca.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
// TensorFlow reads its log level and prints its first lines while the library is loaded, before
// any constructor of this program, let alone Go code, runs. Functions in .preinit_array come earlier
// still, but the C library has no environment yet that could be changed. So unless the user has
// set a level, the program starts itself again with one; if that fails it runs on, only noisier.
static void quietTensorFlow(int argc, char **argv, char **envp) {
	static const char name[] = "TF_CPP_MIN_LOG_LEVEL=";
	static char level[] = "TF_CPP_MIN_LOG_LEVEL=2"; // errors
	int n = 0;
	for (; envp[n]; n++)
		if (!strncmp(envp[n], name, sizeof name - 1)) return;
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
	if (length <= 0) return;
	path[length] = 0;
	char **longer = alloca((n + 2) * sizeof *longer);
	memcpy(longer, envp, n * sizeof *longer);
	longer[n] = level;
	longer[n + 1] = NULL;
	execve(path, argv, longer);
}

__attribute__((section(".preinit_array"), used))
static void (*beforeLibraries)(int, char **, char **) = quietTensorFlow;
#endif
*/
import "C"
