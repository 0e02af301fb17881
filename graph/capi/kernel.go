package capi

/*
#cgo CFLAGS: -O3 -fopenmp-simd
#cgo LDFLAGS: -ltensorflow_framework -lpthread -lm
#include <stdbool.h>
#include <stdlib.h>
#include "tensorflow/c/c_api.h"
void register_kernels(TF_Status *status);
void start_helpers(int wanted);
void fail_allocations(bool yes);
int overwritten_input(const char *op);
*/
import "C"

import (
	"fmt"
	"sync"
	"unsafe"
)

// RegisterKernels registers this program's ops (kernel.h) with TensorFlow, once per process:
//
//	Bf16Gelu(x) y, Bf16GeluGrad(x, dy) dx                               bfloat16 [..., d]
//	Bf16Softmax(x; scale) p, Bf16SoftmaxGrad(p, dp; scale) dx           bfloat16 [..., d], p = softmax(scale x) over the last axis
//	Bf16Swish(x; beta) y, Bf16SwishGrad(x, dy; beta) dx                 bfloat16 [..., d]
//	Bf16Add(x, y) sum                                                   float32 [..., d], y bfloat16
//	Bf16LayerNorm(x, scale, bias; epsilon) y                            float32 [..., d], [d], [d] to bfloat16
//	Bf16LayerNormGrad(x, scale, dy; epsilon) dx                         float32, dy bfloat16
//	F32Gelu, F32GeluGrad, F32SoftmaxGrad, F32Swish, F32SwishGrad, F32LayerNorm, F32LayerNormGrad    the same in float32
//	F32Attention(q, k, v; scale, heads) y                               float32 [B, T, d], softmax(scale q k^T) v for each head
//	F32AttentionGrad(q, k, v, dy; scale, heads) dq, dk, dv              float32 [B, T, d]
//
// They run on CPUs only, in the variant that KernelVariant names.
var RegisterKernels = sync.OnceValue(func() error {
	if _, err := KernelVariant(); err != nil {
		return err
	}
	status := C.TF_NewStatus()
	defer C.TF_DeleteStatus(status)
	if C.register_kernels(status); C.TF_GetCode(status) != C.TF_OK {
		return fmt.Errorf("register kernels: %s", C.GoString(C.TF_Message(status)))
	}
	return nil
})

// failAllocations makes memory allocation in kernels fail, for tests.
func failAllocations(fail bool) { C.fail_allocations(C.bool(fail)) }

// overwrittenInput is overwritten_input in kernel.c.
func overwrittenInput(op string) int {
	name := C.CString(op)
	defer C.free(unsafe.Pointer(name))
	return int(C.overwritten_input(name))
}

// IsKernel tells whether op is one of this program's ops.
func IsKernel(op string) bool { return overwrittenInput(op) >= -1 }

// Overwrites returns the input that the kernel of one of this program's ops overwrites with its output, unless somebody else needs
// the input. ok is false for kernels that overwrite none, and for other ops.
func Overwrites(op string) (input int, ok bool) {
	input = overwrittenInput(op)
	return input, input >= 0
}

// SetKernelThreads sets how many threads kernels use. Like TensorFlow's thread pool, theirs never shrinks.
func SetKernelThreads(n int) {
	C.start_helpers(C.int(n - 1))
}
