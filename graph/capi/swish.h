// Swish, x s with s = sigmoid(beta x), and its slope s (1 + beta x (1 - s)).

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

static void swish(void *job, int64_t from, int64_t to) {
	const Job *j = job;
	const uint16_t *x = j->in[0];
	uint16_t *y = j->out;
#pragma omp simd
	for (int64_t i = from * j->width; i < to * j->width; i++) {
		float v = wide(x[i]);
		y[i] = bfloat16(v * sigmoid(j->attribute * v).s);
	}
}

static void swish_grad(void *job, int64_t from, int64_t to) {
	const Job *j = job;
	const uint16_t *x = j->in[0], *dy = j->in[1];
	uint16_t *dx = j->out;
#pragma omp simd
	for (int64_t i = from * j->width; i < to * j->width; i++) {
		float scaled = j->attribute * wide(x[i]);
		Sigmoid g = sigmoid(scaled);
		dx[i] = bfloat16(wide(dy[i]) * g.s * (1 + scaled * g.rest));
	}
}
