package capi

/*
#cgo linux LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
static int cuda_build(void) {
	bool (*enabled)(void) = (bool (*)(void))dlsym(RTLD_DEFAULT, "_ZN10tensorflow19IsGoogleCudaEnabledEv");
	return enabled && enabled();
}
*/
import "C"

// CUDABuild tells whether the loaded libtensorflow is built for NVIDIA GPUs. The C API does not say; a C++ function that the
// library exports does.
func CUDABuild() bool { return C.cuda_build() != 0 }
