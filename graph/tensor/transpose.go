package tensor

// tile is the side of the squares in which matrices are transposed: two of them fit a first-level cache.
const tile = 32

// Transpose turns a matrix [rows, cols] into [cols, rows], square by square for the cache's sake.
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

// SwapLast turns [n, a, b] into [n, b, a], given the final shape.
func SwapLast(t Tensor, n, a, b int, shape []int) Tensor {
	in, out := t.Float32(), make([]float32, n*a*b)
	for i := range n {
		part := Transpose(Must(in[i*a*b:(i+1)*a*b], a, b), a, b)
		copy(out[i*a*b:], part.Float32())
	}
	return Must(out, shape...)
}
