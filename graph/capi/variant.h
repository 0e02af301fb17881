// One variant of all functions. The including file defines VARIANT, the variant's name, and VECTOR_BYTES, the size of its vectors, after
// selecting the compiler's target.
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "kernel.h"

#include "add.h"
#include "attention.h"
#include "geluf32.h"
#include "softmax.h"

#define T uint16_t
#define LOAD wide
#define STORE bfloat16
#define NAMED(name) name
#include "layernorm.h"
#include "rotate.h"
#include "softmaxgrad.h"
#include "swish.h"
#undef T
#undef LOAD
#undef STORE
#undef NAMED

#define T float
#define LOAD
#define STORE
#define NAMED(name) name##_f32
#include "layernorm.h"
#include "rotate.h"
#include "softmaxgrad.h"
#include "swish.h"

#define TEXT(name) #name
#define NAME(name) TEXT(name)

const Variant VARIANT = {
	NAME(VARIANT),
	{
		[GELU] = gelu, // table lookups, which do not profit from wide vectors
		[GELU_GRAD] = gelu_grad,
		[SOFTMAX] = softmax,
		[SOFTMAX_GRAD] = softmax_grad,
		[LAYER_NORM] = layer_norm,
		[LAYER_NORM_GRAD] = layer_norm_grad,
		[SWISH] = swish,
		[SWISH_GRAD] = swish_grad,
		[ADD] = add,
		[GELU_F32] = gelu_f32,
		[GELU_GRAD_F32] = gelu_grad_f32,
		[SOFTMAX_GRAD_F32] = softmax_grad_f32,
		[LAYER_NORM_F32] = layer_norm_f32,
		[LAYER_NORM_GRAD_F32] = layer_norm_grad_f32,
		[SWISH_F32] = swish_f32,
		[SWISH_GRAD_F32] = swish_grad_f32,
		[ROTATE] = rotate,
		[ROTATE_F32] = rotate_f32,
		[ATTENTION] = attention,
		[ATTENTION_GRAD] = attention_grad,
	},
};
