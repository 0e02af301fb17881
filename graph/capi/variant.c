// The choice among variants of the kernels.
#include "kernel.h"

static const Variant *variants[] = {
#ifdef WIDE_VARIANTS
	&avx512f, &avx2,
#endif
	&plain, 0};
static const Variant *chosen;

const Variant *variant(void) { return chosen; }

static int runs(const Variant *v) {
#ifdef WIDE_VARIANTS
	if (v == &avx512f) return __builtin_cpu_supports("avx512f");
	if (v == &avx2) return __builtin_cpu_supports("avx2");
#endif
	return v == &plain;
}

// variant_name is the name of variant i of those that run on this processor, the fastest first, or 0 behind the last.
const char *variant_name(int i) {
	for (const Variant **v = variants; *v; v++)
		if (runs(*v) && i-- == 0) return (*v)->name;
	return 0;
}

// choose_variant makes kernels use the variant of that name, one of variant_name's.
void choose_variant(const char *name) {
	for (const Variant **v = variants; *v; v++)
		if (!strcmp((*v)->name, name)) chosen = *v;
}
