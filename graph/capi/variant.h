// The functions of rows as one variant of vectors. A file that includes this names the variant, and the target before it.
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
		[GELU] = gelu, // looked up in tables, which wide vectors do not help
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
