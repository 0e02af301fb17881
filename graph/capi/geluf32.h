// GELU in float32, x Phi(x), and its gradient dy (Phi(x) + x phi(x)). The normal distribution function Phi comes from e^(-x^2 / 2), which phi
// needs too (Abramowitz and Stegun, formula 7.1.26): its absolute error is 7.5e-8, close to the precision of float32 near 1. TensorFlow
// merges a GELU whose input nothing else reads into the product before it, where it costs less than here.

typedef struct {
	float cdf, exponential; // Phi(x) and e^(-x^2 / 2)
} Normal;

INLINE Normal normal(float x) {
	float z = fabsf(x) * 0.70710678f, e = exponential(-z * z), t = 1 / (1 + 0.3275911f * z);
	float tail = 0.5f * e * t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	float negative = (float)(bits >> 31); // sign of x as a factor: a branch would prevent vectorisation
	return (Normal){(1 - negative) + (2 * negative - 1) * tail, e};
}

static void gelu_f32(void *job, int64_t from, int64_t to) {
	const Job *j = job;
	const float *x = j->in[0];
	float *y = j->out;
#pragma omp simd
	for (int64_t i = from * j->width; i < to * j->width; i++) y[i] = x[i] * normal(x[i]).cdf;
}

static void gelu_grad_f32(void *job, int64_t from, int64_t to) {
	const Job *j = job;
	const float *x = j->in[0], *dy = j->in[1];
	float *dx = j->out;
#pragma omp simd
	for (int64_t i = from * j->width; i < to * j->width; i++) {
		Normal n = normal(x[i]);
		dx[i] = dy[i] * (n.cdf + x[i] * n.exponential * 0.39894228f);
	}
}
