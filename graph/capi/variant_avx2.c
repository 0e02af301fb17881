#include "kernel.h"
#ifdef WIDE_VARIANTS
#pragma GCC target("avx2,fma")
#define VARIANT avx2
#define VECTOR_BYTES 32
#include "variant.h"
#endif
