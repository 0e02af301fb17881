// LayerNorm over the last axis, float32 to bfloat16, and its gradient with respect to the input.

typedef struct {
	float mean, inverse; // 1 / standard deviation
} Statistics;

INLINE Statistics statistics(const float *x, int64_t width, float epsilon) {
	float sum = 0, square = 0;
#pragma omp simd reduction(+ : sum)
	for (int64_t i = 0; i < width; i++) sum += x[i];
	float mean = sum / (float)width;
#pragma omp simd reduction(+ : square)
	for (int64_t i = 0; i < width; i++) square += (x[i] - mean) * (x[i] - mean);
	return (Statistics){mean, 1 / sqrtf(square / (float)width + epsilon)};
}

// in: x, scale, bias.
static void layer_norm(void *job, int64_t from, int64_t to) {
	const Job *j = job;
	const float *scale = j->in[1], *bias = j->in[2];
	for (int64_t row = from; row < to; row++) {
		const float *x = (const float *)j->in[0] + row * j->width;
		uint16_t *y = (uint16_t *)j->out + row * j->width;
		Statistics s = statistics(x, j->width, j->attribute);
#pragma omp simd
		for (int64_t i = 0; i < j->width; i++) y[i] = bfloat16((x[i] - s.mean) * s.inverse * scale[i] + bias[i]);
	}
}

// in: x, scale, dy. dx = (g - mean(g) - n mean(g n)) / sigma with g = dy scale and n = (x - mean) / sigma. dx may overwrite x.
static void layer_norm_grad(void *job, int64_t from, int64_t to) {
	const Job *j = job;
	const float *scale = j->in[1];
	for (int64_t row = from; row < to; row++) {
		const float *x = (const float *)j->in[0] + row * j->width;
		const uint16_t *dy = (const uint16_t *)j->in[2] + row * j->width;
		float *dx = (float *)j->out + row * j->width;
		Statistics s = statistics(x, j->width, j->attribute);
		float mean_g = 0, mean_gn = 0;
#pragma omp simd reduction(+ : mean_g, mean_gn)
		for (int64_t i = 0; i < j->width; i++) {
			float g = wide(dy[i]) * scale[i];
			mean_g += g;
			mean_gn += g * (x[i] - s.mean) * s.inverse;
		}
		mean_g /= (float)j->width, mean_gn /= (float)j->width;
#pragma omp simd
		for (int64_t i = 0; i < j->width; i++) {
			float g = wide(dy[i]) * scale[i], n = (x[i] - s.mean) * s.inverse;
			dx[i] = (g - mean_g - n * mean_gn) * s.inverse;
		}
	}
}
