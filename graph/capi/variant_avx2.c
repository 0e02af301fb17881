#include "kernel.h"
#ifdef WIDE_VARIANTS
#pragma GCC target("avx2")
#define VARIANT avx2
#include "variant.h"
#endif
