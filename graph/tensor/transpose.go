package tensor

// tile is the side of the tiles in which Transpose works: two of them fit into the L1 cache.
const tile = 32

// Transpose is the transpose [cols, rows] of a matrix [rows, cols].
func Transpose(t Tensor, rows, cols int) Tensor {
	in, out := t.Float32(), make([]float32, rows*cols)
	for r0 := 0; r0 < rows; r0 += tile {
		for c0 := 0; c0 < cols; c0 += tile {
			for r := r0; r < min(r0+tile, rows); r++ {
				for c := c0; c < min(c0+tile, cols); c++ {
					out[c*rows+r] = in[r*cols+c]
				}
			}
		}
	}
	return Must(out, cols, rows)
}

// SwapLast transposes each matrix of [n, a, b] to [n, b, a] and gives the result the final shape.
func SwapLast(t Tensor, n, a, b int, shape []int) Tensor {
	in, out := t.Float32(), make([]float32, n*a*b)
	for i := range n {
		part := Transpose(Must(in[i*a*b:(i+1)*a*b], a, b), a, b)
		copy(out[i*a*b:], part.Float32())
	}
	return Must(out, shape...)
}
