// The gradient of p = softmax(scale x) over the last axis, scale p (dp - sum(dp p)). variant.h includes this file once for each type
// T, with LOAD and STORE between T and float, and NAMED for the names.

static void NAMED(softmax_grad)(void *job, int64_t from, int64_t to) {
	const Job *j = job;
	int64_t width = j->width;
	for (int64_t row = from; row < to; row++) {
		const T *p = (const T *)j->in[0] + row * width, *dp = (const T *)j->in[1] + row * width;
		T *ds = (T *)j->out + row * width;
		float sum = 0;
#pragma omp simd reduction(+ : sum)
		for (int64_t i = 0; i < width; i++) sum += LOAD(p[i]) * LOAD(dp[i]);
#pragma omp simd
		for (int64_t i = 0; i < width; i++) ds[i] = STORE(LOAD(p[i]) * (LOAD(dp[i]) - sum) * j->attribute);
	}
}
