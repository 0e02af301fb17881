// Registers the ops with TensorFlow and runs them when it asks.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "register.h"

// An op. Inputs and output have the shape of the first input, except weights, such as LayerNorm's, which are single rows.
typedef struct {
	const char *name;
	const char *inputs[3]; // as an op definition spells them
	const char *output;
	int reusable;          // the input whose buffer the output may take over, which has the same type, or -1
	const char *attribute; // name of the float attribute, or 0
	int weights;           // how many inputs after the first are rows of weights
	// TensorFlow passes no user data to the function that creates a kernel, so each op has one of its own.
	void *(*create)(TF_OpKernelConstruction *);
} Kind;

// The kernel of one node of a graph.
typedef struct {
	const Kind *kind;
	float attribute;
} Kernel;

static void *create(const Kind *kind, TF_OpKernelConstruction *construction);

static const Kind kinds[KINDS];
#define CREATE(name, kind) \
	static void *name(TF_OpKernelConstruction *c) { return create(&kinds[kind], c); }
CREATE(create_gelu, GELU)
CREATE(create_gelu_grad, GELU_GRAD)
CREATE(create_softmax, SOFTMAX)
CREATE(create_softmax_grad, SOFTMAX_GRAD)
CREATE(create_layer_norm, LAYER_NORM)
CREATE(create_layer_norm_grad, LAYER_NORM_GRAD)
CREATE(create_swish, SWISH)
CREATE(create_swish_grad, SWISH_GRAD)
CREATE(create_add, ADD)
CREATE(create_gelu_f32, GELU_F32)
CREATE(create_gelu_grad_f32, GELU_GRAD_F32)
CREATE(create_softmax_grad_f32, SOFTMAX_GRAD_F32)
CREATE(create_layer_norm_f32, LAYER_NORM_F32)
CREATE(create_layer_norm_grad_f32, LAYER_NORM_GRAD_F32)
CREATE(create_swish_f32, SWISH_F32)
CREATE(create_swish_grad_f32, SWISH_GRAD_F32)
CREATE(create_rotate, ROTATE)
CREATE(create_rotate_f32, ROTATE_F32)

static const Kind kinds[KINDS] = {
	[GELU] = {"Bf16Gelu", {"x: bfloat16"}, "y: bfloat16", 0, 0, 0, create_gelu},
	[GELU_GRAD] = {"Bf16GeluGrad", {"x: bfloat16", "dy: bfloat16"}, "dx: bfloat16", 1, 0, 0, create_gelu_grad},
	[SOFTMAX] = {"Bf16Softmax", {"x: bfloat16"}, "p: bfloat16", 0, "scale", 0, create_softmax},
	[SOFTMAX_GRAD] = {"Bf16SoftmaxGrad", {"p: bfloat16", "dp: bfloat16"}, "dx: bfloat16", 1, "scale", 0,
	                  create_softmax_grad},
	[LAYER_NORM] = {"Bf16LayerNorm", {"x: float", "scale: float", "bias: float"}, "y: bfloat16", -1, "epsilon", 2,
	                create_layer_norm},
	[LAYER_NORM_GRAD] = {"Bf16LayerNormGrad", {"x: float", "scale: float", "dy: bfloat16"}, "dx: float", 0,
	                     "epsilon", 1, create_layer_norm_grad},
	[SWISH] = {"Bf16Swish", {"x: bfloat16"}, "y: bfloat16", 0, "beta", 0, create_swish},
	[SWISH_GRAD] = {"Bf16SwishGrad", {"x: bfloat16", "dy: bfloat16"}, "dx: bfloat16", 1, "beta", 0, create_swish_grad},
	[ADD] = {"Bf16Add", {"x: float", "y: bfloat16"}, "sum: float", 0, 0, 0, create_add},
	[GELU_F32] = {"F32Gelu", {"x: float"}, "y: float", 0, 0, 0, create_gelu_f32},
	[GELU_GRAD_F32] = {"F32GeluGrad", {"x: float", "dy: float"}, "dx: float", 1, 0, 0, create_gelu_grad_f32},
	[SOFTMAX_GRAD_F32] = {"F32SoftmaxGrad", {"p: float", "dp: float"}, "dx: float", 1, "scale", 0, create_softmax_grad_f32},
	[LAYER_NORM_F32] = {"F32LayerNorm", {"x: float", "scale: float", "bias: float"}, "y: float", -1, "epsilon", 2,
	                    create_layer_norm_f32},
	[LAYER_NORM_GRAD_F32] = {"F32LayerNormGrad", {"x: float", "scale: float", "dy: float"}, "dx: float", 2, "epsilon", 1,
	                         create_layer_norm_grad_f32},
	[SWISH_F32] = {"F32Swish", {"x: float"}, "y: float", 0, "beta", 0, create_swish_f32},
	[SWISH_GRAD_F32] = {"F32SwishGrad", {"x: float", "dy: float"}, "dx: float", 1, "beta", 0, create_swish_grad_f32},
	[ROTATE] = {"Bf16Rotate", {"x: bfloat16", "turns: float"}, "y: bfloat16", 0, "sign", 1, create_rotate},
	[ROTATE_F32] = {"F32Rotate", {"x: float", "turns: float"}, "y: float", 0, "sign", 1, create_rotate_f32},
};

static bool allocations_fail;

void fail_allocations(bool yes) { allocations_fail = yes; }

void *allocate(size_t n, size_t size) { return allocations_fail ? 0 : calloc(n, size); }

void *scratch(size_t floats) {
	size_t bytes = (floats * sizeof(float) + 63) / 64 * 64;
	return allocations_fail ? 0 : aligned_alloc(64, bytes);
}

static void out_of_memory(TF_Status *status, const Kind *kind) {
	char message[96];
	snprintf(message, sizeof message, "no memory for a kernel of %s: close other programs or choose a smaller batch", kind->name);
	TF_SetStatus(status, TF_RESOURCE_EXHAUSTED, message);
}

static void *create(const Kind *kind, TF_OpKernelConstruction *construction) {
	TF_Status *status = TF_NewStatus();
	Kernel *k = allocate(1, sizeof *k);
	if (k) {
		k->kind = kind;
		if (kind->attribute) TF_OpKernelConstruction_GetAttrFloat(construction, kind->attribute, &k->attribute, status);
	} else {
		out_of_memory(status, kind);
	}
	if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
	TF_DeleteStatus(status);
	return k;
}

static void compute(void *kernel, TF_OpKernelContext *context) {
	const Kernel *k = kernel;
	const Kind *kind = k->kind;
	TF_Status *status = TF_NewStatus();
	TF_Tensor *in[3] = {0}, *out = 0;
	int64_t dims[8];
	Job job = {.attribute = k->attribute, .rows = 1};
	int rank = 0, forwarded = -1;

	for (int i = 0; i < 3 && kind->inputs[i]; i++) {
		TF_GetInput(context, i, &in[i], status);
		if (TF_GetCode(status) != TF_OK) goto done;
	}
	rank = TF_NumDims(in[0]);
	if (rank < 1 || rank > 8) {
		TF_SetStatus(status, TF_INVALID_ARGUMENT, "a kernel takes 1 to 8 dimensions");
		goto done;
	}
	for (int i = 0; i < rank; i++) {
		dims[i] = TF_Dim(in[0], i);
		if (i < rank - 1) job.rows *= dims[i];
	}
	job.width = dims[rank - 1];
	for (int i = 0; i < 3 && in[i]; i++) {
		int64_t want = i > 0 && i <= kind->weights ? job.width : job.rows * job.width;
		if (TF_TensorElementCount(in[i]) != want) {
			TF_SetStatus(status, TF_INVALID_ARGUMENT, "the inputs of a kernel do not go together");
			goto done;
		}
		job.in[i] = TF_TensorData(in[i]);
	}
	// TensorFlow forwards an input's buffer only if no other reference to it exists.
	if (kind->reusable >= 0) {
		TF_DeleteTensor(in[kind->reusable]);
		in[kind->reusable] = 0;
	}
	out = TF_ForwardInputOrAllocateOutput(context, &kind->reusable, kind->reusable >= 0, 0, dims, rank, &forwarded, status);
	if (TF_GetCode(status) != TF_OK) goto done;
	job.out = TF_TensorData(out);
	parallel(variant()->work[kind - kinds], &job, job.rows, job.width);
	if (atomic_load(&job.no_memory)) out_of_memory(status, kind);
done:
	if (TF_GetCode(status) != TF_OK) TF_OpKernelContext_Failure(context, status);
	for (int i = 0; i < 3; i++)
		if (in[i]) TF_DeleteTensor(in[i]);
	if (out) TF_DeleteTensor(out);
	TF_DeleteStatus(status);
}

static void shape(TF_ShapeInferenceContext *context, TF_Status *status) {
	TF_ShapeHandle *first = TF_NewShapeHandle();
	TF_ShapeInferenceContextGetInput(context, 0, first, status);
	if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSetOutput(context, 0, first, status);
	TF_DeleteShapeHandle(first);
}

// overwritten_input returns the input that the kernel of an op overwrites with its output if nobody else needs it: -1 if there is
// none, -2 if the op is not one of ours.
int overwritten_input(const char *op) {
	for (const Kind *k = kinds; k < kinds + KINDS; k++) {
		if (!strcmp(k->name, op)) return k->reusable;
	}
	return is_attention(op) ? -1 : -2;
}

// register_kernels registers all ops and kernels. Call it once, after choose_variant.
void register_kernels(TF_Status *status) {
	make_gelu_tables();
	for (const Kind *k = kinds; k < kinds + KINDS; k++) {
		TF_OpDefinitionBuilder *definition = TF_NewOpDefinitionBuilder(k->name);
		for (int i = 0; i < 3 && k->inputs[i]; i++) TF_OpDefinitionBuilderAddInput(definition, k->inputs[i]);
		TF_OpDefinitionBuilderAddOutput(definition, k->output);
		if (k->attribute) {
			char spec[32];
			snprintf(spec, sizeof spec, "%s: float", k->attribute);
			TF_OpDefinitionBuilderAddAttr(definition, spec);
		}
		TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, shape);
		TF_RegisterOpDefinition(definition, status);
		if (TF_GetCode(status) != TF_OK) return;
		TF_RegisterKernelBuilder(k->name, TF_NewKernelBuilder(k->name, "CPU", k->create, compute, free), status);
		if (TF_GetCode(status) != TF_OK) return;
	}
	register_attention(status);
}
