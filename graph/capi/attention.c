// Registers the ops of attention (attention.h) with TensorFlow and runs them when it asks.
#include <stdio.h>
#include <stdlib.h>

#include "register.h"

static const char forward_name[] = "F32Attention", backward_name[] = "F32AttentionGrad";

// The kernel of one node of a graph.
typedef struct {
	float scale;
	int64_t heads;
} Kernel;

static void out_of_memory(TF_Status *status) {
	TF_SetStatus(status, TF_RESOURCE_EXHAUSTED, "no memory for a kernel of attention: close other programs or choose a smaller batch");
}

static void *create(TF_OpKernelConstruction *construction) {
	TF_Status *status = TF_NewStatus();
	Kernel *k = allocate(1, sizeof *k);
	if (k) {
		TF_OpKernelConstruction_GetAttrFloat(construction, "scale", &k->scale, status);
		if (TF_GetCode(status) == TF_OK) TF_OpKernelConstruction_GetAttrInt64(construction, "heads", &k->heads, status);
	} else {
		out_of_memory(status);
	}
	if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
	TF_DeleteStatus(status);
	return k;
}

static void compute(const Kernel *k, TF_OpKernelContext *context, int inputs, int outputs, int work) {
	TF_Status *status = TF_NewStatus();
	TF_Tensor *in[4] = {0}, *out[3] = {0};
	AttentionJob job = {.scale = k->scale, .heads = k->heads};
	int64_t dims[3], elements = 0, items = 0;
	for (int i = 0; i < inputs; i++) {
		TF_GetInput(context, i, &in[i], status);
		if (TF_GetCode(status) != TF_OK) goto done;
		if (i == 0 && TF_NumDims(in[0]) == 3) {
			for (int d = 0; d < 3; d++) dims[d] = TF_Dim(in[0], d);
			elements = TF_TensorElementCount(in[0]);
		}
		if (TF_NumDims(in[i]) != 3 || TF_TensorElementCount(in[i]) != elements || k->heads < 1 || dims[2] % k->heads) {
			TF_SetStatus(status, TF_INVALID_ARGUMENT, "the inputs of a kernel of attention do not go together");
			goto done;
		}
		job.in[i] = TF_TensorData(in[i]);
	}
	for (int i = 0; i < outputs; i++) {
		out[i] = TF_AllocateOutput(context, i, TF_FLOAT, dims, 3, elements * sizeof(float), status);
		if (TF_GetCode(status) != TF_OK) goto done;
		job.out[i] = TF_TensorData(out[i]);
	}
	job.tokens = dims[1], job.width = dims[2], items = dims[0] * k->heads;
	parallel(variant()->work[work], &job, items, elements ? elements / items * job.tokens / 8 : 1);
	if (atomic_load(&job.no_memory)) out_of_memory(status);
done:
	if (TF_GetCode(status) != TF_OK) TF_OpKernelContext_Failure(context, status);
	for (int i = 0; i < inputs; i++)
		if (in[i]) TF_DeleteTensor(in[i]);
	for (int i = 0; i < outputs; i++)
		if (out[i]) TF_DeleteTensor(out[i]);
	TF_DeleteStatus(status);
}

static void forward(void *kernel, TF_OpKernelContext *context) { compute(kernel, context, 3, 1, ATTENTION); }
static void backward(void *kernel, TF_OpKernelContext *context) { compute(kernel, context, 4, 3, ATTENTION_GRAD); }

// All outputs have the shape of the first input.
static void shapes(TF_ShapeInferenceContext *context, int outputs, TF_Status *status) {
	TF_ShapeHandle *first = TF_NewShapeHandle();
	TF_ShapeInferenceContextGetInput(context, 0, first, status);
	for (int i = 0; i < outputs && TF_GetCode(status) == TF_OK; i++) TF_ShapeInferenceContextSetOutput(context, i, first, status);
	TF_DeleteShapeHandle(first);
}

static void forward_shape(TF_ShapeInferenceContext *context, TF_Status *status) { shapes(context, 1, status); }
static void backward_shapes(TF_ShapeInferenceContext *context, TF_Status *status) { shapes(context, 3, status); }

int is_attention(const char *op) { return !strcmp(op, forward_name) || !strcmp(op, backward_name); }

static void add_all(TF_OpDefinitionBuilder *definition, const char *const *specs, void (*add)(TF_OpDefinitionBuilder *, const char *)) {
	for (; *specs; specs++) add(definition, *specs);
}

void register_attention(TF_Status *status) {
	static const char *const inputs[] = {"q: float", "k: float", "v: float", 0}, *const inputs_grad[] = {"q: float", "k: float", "v: float", "dy: float", 0};
	static const char *const output[] = {"y: float", 0}, *const outputs_grad[] = {"dq: float", "dk: float", "dv: float", 0};
	static const char *const attributes[] = {"scale: float", "heads: int", 0};
	for (int grad = 0; grad < 2; grad++) {
		const char *name = grad ? backward_name : forward_name;
		TF_OpDefinitionBuilder *definition = TF_NewOpDefinitionBuilder(name);
		add_all(definition, grad ? inputs_grad : inputs, TF_OpDefinitionBuilderAddInput);
		add_all(definition, grad ? outputs_grad : output, TF_OpDefinitionBuilderAddOutput);
		add_all(definition, attributes, TF_OpDefinitionBuilderAddAttr);
		TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, grad ? backward_shapes : forward_shape);
		TF_RegisterOpDefinition(definition, status);
		if (TF_GetCode(status) != TF_OK) return;
		TF_RegisterKernelBuilder(name, TF_NewKernelBuilder(name, "CPU", create, grad ? backward : forward, free), status);
		if (TF_GetCode(status) != TF_OK) return;
	}
}
