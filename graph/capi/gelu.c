// GELU, x Phi(x) with the exact normal distribution function, and its slope Phi(x) + x phi(x). There are only 65,536 bfloat16
// numbers, so both are table lookups. The few kB of the tables that belong to common magnitudes stay in the L1 cache.
#include <math.h>

#include "kernel.h"

static uint16_t value[1 << 16];
static float slope[1 << 16];

void make_gelu_tables(void) {
	for (int bits = 0; bits < 1 << 16; bits++) {
		double x = wide((uint16_t)bits);
		double cdf = 0.5 * erfc(-x * M_SQRT1_2), pdf = exp(-0.5 * x * x) * 0.5 * M_SQRT1_2 * M_2_SQRTPI;
		value[bits] = bfloat16((float)(x * cdf));
		slope[bits] = (float)(cdf + x * pdf);
	}
}

void gelu(void *job, int64_t from, int64_t to) {
	const Job *j = job;
	const uint16_t *x = j->in[0];
	uint16_t *y = j->out;
	for (int64_t i = from * j->width; i < to * j->width; i++) y[i] = value[x[i]];
}

void gelu_grad(void *job, int64_t from, int64_t to) {
	const Job *j = job;
	const uint16_t *x = j->in[0], *dy = j->in[1];
	uint16_t *dx = j->out;
	for (int64_t i = from * j->width; i < to * j->width; i++) dx[i] = bfloat16(wide(dy[i]) * slope[x[i]]);
}
