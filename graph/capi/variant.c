// Selects the variant of the kernels.
#include "kernel.h"

static const Variant *variants[] = {
#ifdef WIDE_VARIANTS
	&avx512f, &avx2,
#endif
	&plain, 0};
static const Variant *chosen;

const Variant *variant(void) { return chosen; }

static int is_supported(const Variant *v) {
#ifdef WIDE_VARIANTS
	if (v == &avx512f) return __builtin_cpu_supports("avx512f");
	if (v == &avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
	return v == &plain;
}

// variant_name is the name of variant i among those that run on this processor, fastest first, or 0 past the last.
const char *variant_name(int i) {
	for (const Variant **v = variants; *v; v++)
		if (is_supported(*v) && i-- == 0) return (*v)->name;
	return 0;
}

// choose_variant selects a variant by a name from variant_name.
void choose_variant(const char *name) {
	for (const Variant **v = variants; *v; v++)
		if (!strcmp((*v)->name, name)) chosen = *v;
}
