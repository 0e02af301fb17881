// LayerNorm over the last axis, float32 to the type T, and its gradient with respect to the input. variant.h includes this file once
// for each T, with LOAD and STORE between T and float, and NAMED for the names.

#ifndef LAYER_NORM_STATISTICS
#define LAYER_NORM_STATISTICS
typedef struct {
	float mean, inverse; // 1 / standard deviation
} Statistics;

INLINE Statistics statistics(const float *x, int64_t width, float epsilon) {
	float sum = 0, rest = 0, square = 0;
#pragma omp simd reduction(+ : sum)
	for (int64_t i = 0; i < width; i++) sum += x[i];
	float mean = sum / (float)width;
#pragma omp simd reduction(+ : rest, square)
	for (int64_t i = 0; i < width; i++) {
		float d = x[i] - mean;
		rest += d; // what rounding made of a long sum
		square += d * d;
	}
	rest /= (float)width;
	return (Statistics){mean + rest, 1 / sqrtf(square / (float)width - rest * rest + epsilon)};
}
#endif

// in: x, scale, bias.
static void NAMED(layer_norm)(void *job, int64_t from, int64_t to) {
	const Job *j = job;
	const float *scale = j->in[1], *bias = j->in[2];
	for (int64_t row = from; row < to; row++) {
		const float *x = (const float *)j->in[0] + row * j->width;
		T *y = (T *)j->out + row * j->width;
		Statistics s = statistics(x, j->width, j->attribute);
#pragma omp simd
		for (int64_t i = 0; i < j->width; i++) y[i] = STORE((x[i] - s.mean) * s.inverse * scale[i] + bias[i]);
	}
}

// in: x, scale, dy. dx = (g - mean(g) - n mean(g n)) / sigma with g = dy scale and n = (x - mean) / sigma. dx may overwrite x.
static void NAMED(layer_norm_grad)(void *job, int64_t from, int64_t to) {
	const Job *j = job;
	const float *scale = j->in[1];
	for (int64_t row = from; row < to; row++) {
		const float *x = (const float *)j->in[0] + row * j->width;
		const T *dy = (const T *)j->in[2] + row * j->width;
		float *dx = (float *)j->out + row * j->width;
		Statistics s = statistics(x, j->width, j->attribute);
		float mean_g = 0, mean_gn = 0;
#pragma omp simd reduction(+ : mean_g, mean_gn)
		for (int64_t i = 0; i < j->width; i++) {
			float g = LOAD(dy[i]) * scale[i];
			mean_g += g;
			mean_gn += g * (x[i] - s.mean) * s.inverse;
		}
		mean_g /= (float)j->width, mean_gn /= (float)j->width;
#pragma omp simd
		for (int64_t i = 0; i < j->width; i++) {
			float g = LOAD(dy[i]) * scale[i], n = (x[i] - s.mean) * s.inverse;
			dx[i] = (g - mean_g - n * mean_gn) * s.inverse;
		}
	}
}
