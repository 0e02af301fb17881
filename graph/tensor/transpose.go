package tensor

import (
	"runtime"
	"sync"
)

const (
	// band is the number of columns that Transpose moves at a time, and lanes the number of rows: the lanes are read in order while
	// each column of them is written in one piece, and all of it fits into the L1 cache.
	band  = 64
	lanes = 8
	// small is the number of elements below which one core transposes a matrix.
	small = 1 << 17
)

// Transpose is the transpose [cols, rows] of a matrix [rows, cols]. That of a deferred one is deferred.
func Transpose(t Tensor, rows, cols int) Tensor {
	if t.IsDeferred() {
		return Tensor{Shape: []int{cols, rows}, Data: transposed{t, rows, cols}}
	}
	out := make([]float32, rows*cols)
	transposeAll(t.Float32(), out, rows, cols, rows)
	return Must(out, cols, rows)
}

// transposeAll transposes a matrix [rows, cols] into out, where the columns of the matrix are stride elements apart.
func transposeAll(in, out []float32, rows, cols, stride int) {
	workers := min(runtime.GOMAXPROCS(0), (cols+band-1)/band)
	if rows*cols < small || workers < 2 {
		transpose(in, out, rows, cols, stride, 0, cols)
		return
	}
	each := (cols/workers/band + 1) * band
	var wg sync.WaitGroup
	for from := 0; from < cols; from += each {
		wg.Add(1)
		go func() {
			defer wg.Done()
			transpose(in, out, rows, cols, stride, from, min(from+each, cols))
		}()
	}
	wg.Wait()
}

// transpose transposes the columns from..to-1.
func transpose(in, out []float32, rows, cols, stride, from, to int) {
	for c0 := from; c0 < to; c0 += band {
		n := min(band, to-c0)
		r0 := 0
		for ; r0+lanes <= rows; r0 += lanes {
			row := func(i int) []float32 { return in[(r0+i)*cols+c0:][:n] }
			a, b, c, d, e, f, g, h := row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)
			at := c0*stride + r0
			for i := range a {
				o := out[at : at+lanes : at+lanes]
				o[0], o[1], o[2], o[3], o[4], o[5], o[6], o[7] = a[i], b[i], c[i], d[i], e[i], f[i], g[i], h[i]
				at += stride
			}
		}
		for ; r0 < rows; r0++ {
			for c := c0; c < c0+n; c++ {
				out[c*stride+r0] = in[r0*cols+c]
			}
		}
	}
}

// SwapLast transposes each matrix of [n, a, b] to [n, b, a] and gives the result the final shape.
func SwapLast(t Tensor, n, a, b int, shape []int) Tensor {
	return Compute(func(in ...Tensor) Tensor { return swapLast(in[0], n, a, b, shape) }, shape, t)
}

func swapLast(t Tensor, n, a, b int, shape []int) Tensor {
	in, out := t.Float32(), make([]float32, n*a*b)
	for i := range n {
		transpose(in[i*a*b:(i+1)*a*b], out[i*a*b:(i+1)*a*b], a, b, a, 0, b)
	}
	return Must(out, shape...)
}
