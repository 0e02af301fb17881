// p = softmax(scale x) over the last axis, in bfloat16.

enum { LANES = 16 }; // numbers per vector

static void softmax(void *job, int64_t from, int64_t to) {
	Job *j = job;
	int64_t width = j->width, padded = (width + LANES - 1) / LANES * LANES;
	float *e = allocate(1, padded * sizeof *e); // a row with padding that does not contribute
	if (!e) {
		atomic_store(&j->no_memory, 1);
		return;
	}
	for (int64_t row = from; row < to; row++) {
		const uint16_t *x = (const uint16_t *)j->in[0] + row * width;
		uint16_t *p = (uint16_t *)j->out + row * width;
		for (int64_t i = 0; i < width; i++) e[i] = wide(x[i]) * j->attribute;
		for (int64_t i = width; i < padded; i++) e[i] = -FLT_MAX;
		float largest[LANES], sum[LANES] = {0}, broken[LANES] = {0};
		for (int l = 0; l < LANES; l++) largest[l] = e[l];
		for (int64_t i = 0; i < padded; i += LANES)
#pragma omp simd
			for (int l = 0; l < LANES; l++) {
				largest[l] = e[i + l] > largest[l] ? e[i + l] : largest[l];
				broken[l] += e[i + l] - e[i + l]; // NaN if e[i + l] is not finite, else 0
			}
		for (int l = 1; l < LANES; l++) {
			largest[0] = largest[l] > largest[0] ? largest[l] : largest[0];
			broken[0] += broken[l];
		}
		float top = largest[0];
		for (int64_t i = 0; i < padded; i += LANES)
#pragma omp simd
			for (int l = 0; l < LANES; l++) sum[l] += e[i + l] = exponential(e[i + l] - top);
		for (int l = 1; l < LANES; l++) sum[0] += sum[l];
		float inverse = 1 / sum[0] + broken[0];
		for (int64_t i = 0; i < width; i++) p[i] = bfloat16(e[i] * inverse);
	}
	free(e);
}
