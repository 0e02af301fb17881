package capi

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
static void return_large_blocks(void) {
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}
*/
import "C"

// ReturnLargeBlocks makes glibc give blocks of malloc of 1 MiB or more back to the system when they are freed, from now on in the
// whole process. Otherwise it may keep freed blocks of up to 32 MiB, which is faster, but adds up where each block has another size, as
// photographs have. With other C libraries it does nothing.
func ReturnLargeBlocks() { C.return_large_blocks() }
