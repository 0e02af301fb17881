#include "kernel.h"
#ifdef WIDE_VARIANTS
#pragma GCC target("avx512f")
#define VARIANT avx512f
#define VECTOR_BYTES 64
#include "variant.h"
#endif
