// Turns pairs of neighbouring values: (a, b) becomes (a c - b s, b c + a s), with a row of weights c, s, c, s, ... that all rows share.
// The attribute, 1 or -1, is a factor of s. variant.h includes this file once for each type T.

static void NAMED(rotate)(void *job, int64_t from, int64_t to) {
	const Job *j = job;
	const float *turns = j->in[1];
	int64_t width = j->width & ~(int64_t)1;
	for (int64_t row = from; row < to; row++) {
		const T *x = (const T *)j->in[0] + row * j->width;
		T *y = (T *)j->out + row * j->width; // may be x
#pragma omp simd
		for (int64_t i = 0; i < width; i += 2) {
			float a = LOAD(x[i]), b = LOAD(x[i + 1]), c = turns[i], s = turns[i + 1] * j->attribute;
			y[i] = STORE(a * c - b * s);
			y[i + 1] = STORE(b * c + a * s);
		}
	}
}
