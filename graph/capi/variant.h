// One variant of all functions. The including file defines VARIANT, the variant's name, after selecting the compiler's target.
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "kernel.h"

#include "add.h"
#include "layernorm.h"
#include "softmax.h"
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
	},
};
