package capi

/*
#include <stdlib.h>
const char *variant_name(int i);
void choose_variant(const char *name);
*/
import "C"

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"unsafe"
)

// KernelVariant selects the variant of the kernels once per process and returns its name, the vector instructions that it was
// compiled for: avx512f, avx2 or plain. The default is the widest that the processor supports; DTL_KERNELS overrides it. It fails
// if this processor or build does not have that variant.
var KernelVariant = sync.OnceValues(func() (string, error) {
	name, err := pickVariant(os.Getenv("DTL_KERNELS"), kernelVariants())
	if err == nil {
		useVariant(name)
	}
	return name, err
})

// AttentionPays tells whether F32Attention was measured to be faster than TensorFlow's ops with oneDNN on processors that select this
// variant. It was on AVX2; oneDNN's small products are much faster with AVX-512, which was not measured.
func AttentionPays() bool {
	name, err := KernelVariant()
	return err == nil && name == "avx2"
}

func pickVariant(wanted string, all []string) (string, error) {
	switch {
	case wanted == "":
		return all[0], nil
	case slices.Contains(all, wanted):
		return wanted, nil
	}
	return "", fmt.Errorf("DTL_KERNELS is %q in the environment: on this processor it is one of %s, or unset", wanted, strings.Join(all, ", "))
}

// kernelVariants lists the variants that run on this processor, fastest first.
func kernelVariants() (names []string) {
	for i := C.int(0); ; i++ {
		name := C.variant_name(i)
		if name == nil {
			return names
		}
		names = append(names, C.GoString(name))
	}
}

func useVariant(name string) {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	C.choose_variant(c)
}
