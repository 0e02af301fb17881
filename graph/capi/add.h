// Adds a branch, bfloat16, to the residual stream, float32.

static void add(void *job, int64_t from, int64_t to) {
	const Job *j = job;
	const float *x = j->in[0];
	const uint16_t *y = j->in[1];
	float *sum = j->out;
	for (int64_t i = from * j->width; i < to * j->width; i++) sum[i] = x[i] + wide(y[i]);
}
