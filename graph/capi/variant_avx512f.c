#include "kernel.h"
#ifdef WIDE_VARIANTS
#pragma GCC target("avx512f")
#define VARIANT avx512f
#include "variant.h"
#endif
