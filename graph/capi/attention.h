// Attention in float32, softmax(scale q k^T) v for each head, and its gradients. The rows of scores exist for a few queries at a time,
// so they stay in the cache and no T x T matrix is written to memory. Heads lie side by side in the last axis, so nothing is transposed.
// variant.h includes this file once.

enum {
	PER_VECTOR = VECTOR_BYTES / 4,
	PANEL = 2 * PER_VECTOR, // columns of a tile
	TILE_ROWS = 6,          // 12 accumulators: the most that leave 4 of 16 registers for operands
	QUERIES = 48,           // rows of scores at a time
};

typedef float Vector __attribute__((vector_size(VECTOR_BYTES)));
typedef float Loose __attribute__((vector_size(VECTOR_BYTES), aligned(4))); // a vector at any address

INLINE int64_t up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// tile_of computes c[r][j] = sum over i of a[r, i] panel[i][j] for a few rows r and j in 0..columns-1, or adds it to c. a[r, i] is at
// a + r row + i step.
INLINE void tile_of(int rows, int64_t n, const float *a, int64_t row, int64_t step, const float *panel, float *c, int64_t pitch, int64_t columns, int adds) {
	Vector sum[TILE_ROWS][2];
#pragma GCC unroll 6
	for (int r = 0; r < rows; r++) sum[r][0] = sum[r][1] = (Vector){0};
	for (int64_t i = 0; i < n; i++, panel += PANEL, a += step) {
		Vector left = *(const Loose *)panel, right = *(const Loose *)(panel + PER_VECTOR);
#pragma GCC unroll 6
		for (int r = 0; r < rows; r++) {
			Vector x = a[r * row] - (Vector){0};
			sum[r][0] += x * left;
			sum[r][1] += x * right;
		}
	}
	if (columns < PANEL) {
		float part[TILE_ROWS][PANEL];
#pragma GCC unroll 6
		for (int r = 0; r < rows; r++) *(Loose *)part[r] = sum[r][0], *(Loose *)(part[r] + PER_VECTOR) = sum[r][1];
		for (int r = 0; r < rows; r++)
			for (int64_t j = 0; j < columns; j++) c[r * pitch + j] = (adds ? c[r * pitch + j] : 0) + part[r][j];
		return;
	}
#pragma GCC unroll 6
	for (int r = 0; r < rows; r++) {
		Loose *left = (Loose *)(c + r * pitch), *right = (Loose *)(c + r * pitch + PER_VECTOR);
		*left = adds ? *left + sum[r][0] : sum[r][0];
		*right = adds ? *right + sum[r][1] : sum[r][1];
	}
}

#define TILE(name, adds) \
	static void name(int64_t rows, int64_t n, const float *a, int64_t row, int64_t step, const float *panel, float *c, int64_t pitch, int64_t columns) { \
		switch (rows) { \
		case 1: tile_of(1, n, a, row, step, panel, c, pitch, columns, adds); break; \
		case 2: tile_of(2, n, a, row, step, panel, c, pitch, columns, adds); break; \
		case 3: tile_of(3, n, a, row, step, panel, c, pitch, columns, adds); break; \
		case 4: tile_of(4, n, a, row, step, panel, c, pitch, columns, adds); break; \
		case 5: tile_of(5, n, a, row, step, panel, c, pitch, columns, adds); break; \
		default: tile_of(6, n, a, row, step, panel, c, pitch, columns, adds); \
		} \
	}
TILE(tile, 0)
TILE(tile_adding, 1)

// A matrix [n, m] in panels of PANEL columns, padded with zeros: panel p has rows i of columns p PANEL and on.
typedef struct {
	const float *values;
	int64_t n, m;
} Panels;

// multiply computes c = a b, or adds it to c: a [rows, b.n] (see tile_of), c [rows, b.m] with pitch values from row to row. Columns
// after b.m up to a whole panel are written too if padded.
static void multiply(int64_t rows, const float *a, int64_t row, int64_t step, Panels b, float *c, int64_t pitch, int adds, int padded) {
	for (int64_t j = 0; j < b.m; j += PANEL) {
		int64_t columns = padded || b.m - j >= PANEL ? PANEL : b.m - j;
		const float *panel = b.values + j * b.n;
		for (int64_t i = 0; i < rows; i += TILE_ROWS) {
			int64_t some = rows - i < TILE_ROWS ? rows - i : TILE_ROWS;
			(adds ? tile_adding : tile)(some, b.n, a + i * row, row, step, panel, c + i * pitch + j, pitch, columns);
		}
	}
}

// by_rows puts x [n, m], with pitch values from row to row, into panels.
static Panels by_rows(float *to, const float *x, int64_t n, int64_t m, int64_t pitch) {
	float *at = to;
	for (int64_t j = 0; j < m; j += PANEL)
		for (int64_t i = 0; i < n; i++, at += PANEL) {
			if (m - j >= PANEL) {
				memcpy(at, x + i * pitch + j, PANEL * sizeof *at);
				continue;
			}
			for (int64_t k = 0; k < PANEL; k++) at[k] = j + k < m ? x[i * pitch + j + k] : 0;
		}
	return (Panels){to, n, m};
}

// by_columns puts the transpose of x [m, n] into panels.
static Panels by_columns(float *to, const float *x, int64_t n, int64_t m, int64_t pitch) {
	float *at = to;
	for (int64_t j = 0; j < m; j += PANEL, at += n * PANEL)
		for (int64_t k = 0; k < PANEL; k++)
			for (int64_t i = 0; i < n; i++) at[i * PANEL + k] = j + k < m ? x[(j + k) * pitch + i] : 0;
	return (Panels){to, n, m};
}

// exponentials replaces scores s [width] by e^(scale (s - max s)) and values after them, up to padded, by 0. It returns their sum, NaN if
// a score is not finite.
static float exponentials(float *s, int64_t width, int64_t padded, float scale) {
	enum { EACH = 16 };
	float largest[EACH], sum[EACH] = {0}, broken[EACH] = {0};
	for (int64_t i = width; i < padded; i++) s[i] = -FLT_MAX;
	for (int l = 0; l < EACH; l++) largest[l] = -FLT_MAX;
	int64_t i = 0;
	for (; i + EACH <= padded; i += EACH)
#pragma omp simd
		for (int l = 0; l < EACH; l++) {
			largest[l] = s[i + l] > largest[l] ? s[i + l] : largest[l];
			broken[l] += s[i + l] - s[i + l]; // NaN if s[i + l] is not finite, else 0
		}
	for (int l = 0; i + l < padded; l++) {
		largest[l] = s[i + l] > largest[l] ? s[i + l] : largest[l];
		broken[l] += s[i + l] - s[i + l];
	}
	for (int l = 1; l < EACH; l++) {
		largest[0] = largest[l] > largest[0] ? largest[l] : largest[0];
		broken[0] += broken[l];
	}
	float top = largest[0];
	for (i = 0; i + EACH <= padded; i += EACH)
#pragma omp simd
		for (int l = 0; l < EACH; l++) sum[l] += s[i + l] = exponential(scale * (s[i + l] - top));
	for (int l = 0; i + l < padded; l++) sum[l] += s[i + l] = exponential(scale * (s[i + l] - top));
	for (int l = 1; l < EACH; l++) sum[0] += sum[l];
	return sum[0] + broken[0];
}

// Sizes of one head of one sample.
typedef struct {
	int64_t tokens, padded; // padded to whole panels
	int64_t head, wide;     // values of a head, and padded
	int64_t pitch;          // values from token to token
	float scale;
} Shape;

static Shape shape_of(const AttentionJob *j) {
	int64_t head = j->width / j->heads;
	return (Shape){j->tokens, up(j->tokens, PANEL), head, up(head, PANEL), j->width, j->scale};
}

// at is the offset of a head of a sample, one of samples x heads.
INLINE int64_t at(const AttentionJob *j, int64_t item) {
	return item / j->heads * j->tokens * j->width + item % j->heads * (j->width / j->heads);
}

// A job's item is a head of a sample.
static void attention(void *job, int64_t from, int64_t to) {
	AttentionJob *j = job;
	Shape s = shape_of(j);
	float *scores = scratch(QUERIES * s.padded + s.head * s.padded + s.tokens * s.wide);
	if (!scores) {
		atomic_store(&j->no_memory, 1);
		return;
	}
	float *keys = scores + QUERIES * s.padded, *values = keys + s.head * s.padded;
	for (int64_t item = from; item < to; item++) {
		const float *q = j->in[0] + at(j, item);
		float *out = j->out[0] + at(j, item);
		Panels k = by_columns(keys, j->in[1] + at(j, item), s.head, s.tokens, s.pitch);
		Panels v = by_rows(values, j->in[2] + at(j, item), s.tokens, s.head, s.pitch);
		for (int64_t first = 0; first < s.tokens; first += QUERIES) {
			int64_t rows = s.tokens - first < QUERIES ? s.tokens - first : QUERIES;
			float inverse[QUERIES], *y = out + first * s.pitch;
			multiply(rows, q + first * s.pitch, s.pitch, 1, k, scores, s.padded, 0, 1);
			for (int64_t r = 0; r < rows; r++) inverse[r] = 1 / exponentials(scores + r * s.padded, s.tokens, s.padded, s.scale);
			multiply(rows, scores, s.padded, 1, v, y, s.pitch, 0, 0);
			for (int64_t r = 0; r < rows; r++)
#pragma omp simd
				for (int64_t i = 0; i < s.head; i++) y[r * s.pitch + i] *= inverse[r];
		}
	}
	free(scores);
}

// With p the softmax and dp = dy v^T: ds = scale p (dp - sum(dp p)), dq = ds k, dk = ds^T q, dv = p^T dy. The softmax is computed anew.
static void attention_grad(void *job, int64_t from, int64_t to) {
	AttentionJob *j = job;
	Shape s = shape_of(j);
	int64_t across = s.head * s.padded, along = s.tokens * s.wide; // sizes of panels
	float *p = scratch(2 * QUERIES * s.padded + 2 * across + along + 2 * QUERIES * s.wide);
	if (!p) {
		atomic_store(&j->no_memory, 1);
		return;
	}
	float *dp = p + QUERIES * s.padded, *keys = dp + QUERIES * s.padded, *values = keys + across, *key_rows = values + across;
	float *some = key_rows + along, *some_dy = some + QUERIES * s.wide;
	for (int64_t item = from; item < to; item++) {
		const float *q = j->in[0] + at(j, item), *dy = j->in[3] + at(j, item);
		float *dq = j->out[0] + at(j, item), *dk = j->out[1] + at(j, item), *dv = j->out[2] + at(j, item);
		Panels k = by_columns(keys, j->in[1] + at(j, item), s.head, s.tokens, s.pitch);
		Panels rows_of_k = by_rows(key_rows, j->in[1] + at(j, item), s.tokens, s.head, s.pitch);
		Panels v = by_columns(values, j->in[2] + at(j, item), s.head, s.tokens, s.pitch);
		for (int64_t first = 0; first < s.tokens; first += QUERIES) {
			int64_t rows = s.tokens - first < QUERIES ? s.tokens - first : QUERIES, start = first * s.pitch;
			multiply(rows, q + start, s.pitch, 1, k, p, s.padded, 0, 1);
			multiply(rows, dy + start, s.pitch, 1, v, dp, s.padded, 0, 1);
			for (int64_t r = 0; r < rows; r++) {
				float *pr = p + r * s.padded, *dr = dp + r * s.padded, dot = 0;
				float inverse = 1 / exponentials(pr, s.tokens, s.padded, s.scale);
#pragma omp simd reduction(+ : dot)
				for (int64_t i = 0; i < s.tokens; i++) {
					pr[i] *= inverse;
					dot += pr[i] * dr[i];
				}
#pragma omp simd
				for (int64_t i = 0; i < s.tokens; i++) dr[i] = pr[i] * (dr[i] - dot) * s.scale;
			}
			multiply(rows, dp, s.padded, 1, rows_of_k, dq + start, s.pitch, 0, 0);
			multiply(s.tokens, dp, 1, s.padded, by_rows(some, q + start, rows, s.head, s.pitch), dk, s.pitch, first > 0, 0);
			multiply(s.tokens, p, 1, s.padded, by_rows(some_dy, dy + start, rows, s.head, s.pitch), dv, s.pitch, first > 0, 0);
		}
	}
	free(p);
}
