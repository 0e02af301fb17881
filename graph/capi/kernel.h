// This program's kernels for TensorFlow. Each does in one pass over memory what takes TensorFlow's own ops several. They run on
// the CPU, on bfloat16 or float32, and compute in float32.
//
// The archives of libtensorflow lack the headers tensorflow/c/kernels.h and tensorflow/c/ops.h, so the functions used are declared
// here. They belong to TensorFlow's stable C API.
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

// pool.c: calls work(job, from, to) on ranges that together cover 0..n-1, on several threads if there is enough work.
// values_each is the number of values per item.
void parallel(void (*work)(void *job, int64_t from, int64_t to), void *job, int64_t n, int64_t values_each);

// kernel.c: one execution of an op. The last axis is a row of width values.
typedef struct {
	const void *in[3];
	void *out;
	int64_t rows, width;
	float attribute;      // of the op, such as the epsilon of LayerNorm
	atomic_int no_memory; // set if an allocation failed; out is then incomplete
} Job;

typedef void (*Work)(void *job, int64_t from, int64_t to); // rows from..to-1 of a Job

// The ops.
enum {
	GELU, GELU_GRAD, SOFTMAX, SOFTMAX_GRAD, LAYER_NORM, LAYER_NORM_GRAD, SWISH, SWISH_GRAD, ADD,
	GELU_F32, GELU_GRAD_F32, SOFTMAX_GRAD_F32, LAYER_NORM_F32, LAYER_NORM_GRAD_F32, SWISH_F32, SWISH_GRAD_F32,
	ROTATE, ROTATE_F32, KINDS,
	ATTENTION = KINDS, ATTENTION_GRAD, WORKS
};

// attention.c: one execution of an op of attention. Inputs and outputs are [samples, tokens, width], the heads side by side.
typedef struct {
	const float *in[4]; // q, k, v and, for the gradients, dy
	float *out[3];
	int64_t tokens, width, heads;
	float scale;          // of the scores
	atomic_int no_memory; // set if an allocation failed; the outputs are then incomplete
} AttentionJob;

int is_attention(const char *op);
void register_attention(TF_Status *status);

// variant.c: the functions of all ops, compiled for one vector width.
typedef struct {
	const char *name;
	Work work[WORKS];
} Variant;

// Compilers other than GCC build the plain variant only.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE_VARIANTS
extern const Variant avx512f, avx2;
#endif
extern const Variant plain;

const Variant *variant(void); // in use

// gelu.c
void make_gelu_tables(void);
void gelu(void *job, int64_t from, int64_t to);
void gelu_grad(void *job, int64_t from, int64_t to);

// kernel.c: calloc, unless a test makes it fail.
void *allocate(size_t n, size_t size);
// kernel.c: memory for that many floats, aligned for vectors, with the same exception.
void *scratch(size_t floats);

#define INLINE static inline __attribute__((always_inline))

INLINE float wide(uint16_t bits) {
	uint32_t u = (uint32_t)bits << 16;
	float f;
	memcpy(&f, &u, sizeof f);
	return f;
}

// bfloat16 rounds f to nearest, ties to even.
INLINE uint16_t bfloat16(float f) {
	uint32_t u;
	memcpy(&u, &f, sizeof u);
	uint32_t rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
	return (u & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : (uint16_t)rounded; // a NaN stays one
}

// exponential is e^x for x <= 0 with a relative error of 3e-7, as 2^n e^r with |r| <= ln(2)/2 and Taylor's polynomial for e^r.
// For x < -87 it is e^-87 = 1.6e-38. It compares bits rather than numbers because an integer comparison can't trap, which lets
// compilers vectorise it.
INLINE float exponential(float x) {
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	bits = bits > 0xc2ae0000u ? 0xc2ae0000u : bits; // max(x, -87): among negative floats, larger bits mean a smaller number
	memcpy(&x, &bits, sizeof x);
	int32_t n = (int32_t)(x * 1.44269504f - 0.5f); // to nearest: truncation rounds correctly because the product is <= 0
	float r = x - (float)n * 0.693359375f + (float)n * 2.12194440e-4f; // ln 2 in two parts (Cody and Waite)
	float e = 1 + r * (1 + r * (1 / 2.0f + r * (1 / 6.0f + r * (1 / 24.0f + r * (1 / 120.0f + r * (1 / 720.0f))))));
	bits = (uint32_t)(n + 127) << 23;
	float power;
	memcpy(&power, &bits, sizeof power);
	return e * power;
}

#endif
