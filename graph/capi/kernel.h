// Kernels of this program for TensorFlow, for what it does in many passes over memory and this program needs in one. They
// work on bfloat16 on a processor; what they compute in between is float32.
//
// TensorFlow's headers for kernels are no part of libtensorflow's archives, so what is needed of tensorflow/c/kernels.h and
// tensorflow/c/ops.h is declared here. They are part of its stable C interface.
#ifndef KERNEL_H
#define KERNEL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tensorflow/c/c_api.h"

typedef struct TF_KernelBuilder TF_KernelBuilder;
typedef struct TF_OpKernelConstruction TF_OpKernelConstruction;
typedef struct TF_OpKernelContext TF_OpKernelContext;
typedef struct TF_OpDefinitionBuilder TF_OpDefinitionBuilder;
typedef struct TF_ShapeInferenceContext TF_ShapeInferenceContext;
typedef struct TF_ShapeHandle TF_ShapeHandle;

// pool.c: calls work(job, from, to) until all of 0..n-1 are done, on several threads where there is enough to do.
void parallel(void (*work)(void *job, int64_t from, int64_t to), void *job, int64_t n, int64_t values_each);

// kernel.c: what an op computes. Values are counted in rows of the last axis.
typedef struct {
	const void *in[3];
	void *out;
	int64_t rows, width;
	float number; // the attribute that the op has, such as the epsilon of LayerNorm
	atomic_int no_memory; // set where memory was wanting, so that out is not complete
} Job;

typedef void (*Work)(void *job, int64_t from, int64_t to); // rows from..to-1 of a Job

// The kinds of ops.
enum { GELU, GELU_GRAD, SOFTMAX, SOFTMAX_GRAD, LAYER_NORM, LAYER_NORM_GRAD, SWISH, SWISH_GRAD, ADD, KINDS };

// variant.c: what the kinds compute, compiled for one width of vectors.
typedef struct {
	const char *name;
	Work work[KINDS];
} Variant;

// Compilers other than GCC make the plain variant alone.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE_VARIANTS
extern const Variant avx512f, avx2;
#endif
extern const Variant plain;

const Variant *variant(void); // the one in use

// gelu.c
void make_gelu_tables(void);
void gelu(void *job, int64_t from, int64_t to);
void gelu_grad(void *job, int64_t from, int64_t to);

// kernel.c: calloc, unless a test has it fail.
void *allocate(size_t n, size_t size);

#define INLINE static inline __attribute__((always_inline))

INLINE float wide(uint16_t bits) {
	uint32_t u = (uint32_t)bits << 16;
	float f;
	memcpy(&f, &u, sizeof f);
	return f;
}

// bfloat16 rounds to nearest, ties to even.
INLINE uint16_t bfloat16(float f) {
	uint32_t u;
	memcpy(&u, &f, sizeof u);
	uint32_t rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
	return (u & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : (uint16_t)rounded; // a NaN stays one
}

// exponential of x <= 0, to 3e-7 of the result: 2^n e^r with |r| <= ln(2)/2 and Taylor's polynomial for e^r. Below -87 it is
// e^-87, 1.6e-38. Comparing bits and not numbers lets compilers work on many x at once: such a comparison can't trap.
INLINE float exponential(float x) {
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	bits = bits > 0xc2ae0000u ? 0xc2ae0000u : bits; // -87; of negative numbers the larger bits are those of the smaller number
	memcpy(&x, &bits, sizeof x);
	int32_t n = (int32_t)(x * 1.44269504f - 0.5f); // rounds, since the product is not above 0
	float r = x - (float)n * 0.693359375f + (float)n * 2.12194440e-4f; // ln 2 in two parts (Cody and Waite)
	float e = 1 + r * (1 + r * (1 / 2.0f + r * (1 / 6.0f + r * (1 / 24.0f + r * (1 / 120.0f + r * (1 / 720.0f))))));
	bits = (uint32_t)(n + 127) << 23;
	float power;
	memcpy(&power, &bits, sizeof power);
	return e * power;
}

#endif
