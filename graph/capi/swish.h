// Swish, x s with s = sigmoid(beta x), and its slope s (1 + beta x (1 - s)). variant.h includes this file once for each type T, with
// LOAD and STORE between T and float, and NAMED for the names.

#ifndef SIGMOID
#define SIGMOID
typedef struct {
	float s, rest; // rest is 1 - s, computed without the cancellation of the subtraction at large x
} Sigmoid;

INLINE Sigmoid sigmoid(float x) {
	float e = exponential(-fabsf(x)), large = 1 / (1 + e), small = e * large;
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	float negative = (float)(bits >> 31), positive = 1 - negative; // sign of x as factors: a branch would prevent vectorisation
	return (Sigmoid){negative * small + positive * large, negative * large + positive * small};
}
#endif

static void NAMED(swish)(void *job, int64_t from, int64_t to) {
	const Job *j = job;
	const T *x = j->in[0];
	T *y = j->out;
#pragma omp simd
	for (int64_t i = from * j->width; i < to * j->width; i++) {
		float v = LOAD(x[i]);
		y[i] = STORE(v * sigmoid(j->attribute * v).s);
	}
}

static void NAMED(swish_grad)(void *job, int64_t from, int64_t to) {
	const Job *j = job;
	const T *x = j->in[0], *dy = j->in[1];
	T *dx = j->out;
#pragma omp simd
	for (int64_t i = from * j->width; i < to * j->width; i++) {
		float scaled = j->attribute * LOAD(x[i]);
		Sigmoid g = sigmoid(scaled);
		dx[i] = STORE(LOAD(dy[i]) * g.s * (1 + scaled * g.rest));
	}
}
