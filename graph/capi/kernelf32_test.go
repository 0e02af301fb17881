package capi

import (
	"math"
	"math/rand/v2"
	"testing"

	"dtl-tf/graph/tensor"
)

// TestGELUGradF32 compares the slope of GELU with float64 at numbers from -12 to 12 and far from 0.
func TestGELUGradF32(t *testing.T) { eachVariant(t, testGELUGradF32) }

func testGELUGradF32(t *testing.T) {
	x := []float32{0, float32(math.Copysign(0, -1)), 1e-30, -1e-30, 1e4, -1e4, 1e18, -1e18}
	for v := float32(-12); v < 12; v += 1.0 / 1024 {
		x = append(x, v)
	}
	dy := make([]float32, len(x))
	for i := range dy {
		dy[i] = -3
	}
	for i, dx := range kernel(t, "F32GeluGrad", nil, tensor.Must(x, len(x)/4, 4), tensor.Must(dy, len(x)/4, 4)) {
		v, pdf := float64(x[i]), 0.0
		if math.Abs(v) < 100 {
			pdf = v * normalPDF(v)
		}
		// The formula's own error is 7.5e-8, and sums near 1 round to 6e-8.
		if want := -3 * (normalCDF(v) + pdf); math.Abs(float64(dx)-want) > 3*2.5e-7 {
			t.Fatalf("the slope of GELU at %g times -3 is %g, want %g", v, dx, want)
		}
	}
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		if dx := kernel(t, "F32GeluGrad", nil, tensor.Must([]float32{bad}, 1, 1), tensor.Must([]float32{1}, 1, 1))[0]; !math.IsNaN(float64(dx)) && !math.IsInf(float64(dx), 0) {
			t.Errorf("the slope at %g is %g", bad, dx)
		}
	}
}

// TestSoftmaxGradF32 compares the gradient of the softmax with float64.
func TestSoftmaxGradF32(t *testing.T) { eachVariant(t, testSoftmaxGradF32) }

func testSoftmaxGradF32(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, width := range []int{1, 5, 49, 197} {
		p, dp := floats(random, 0.5, 0.1, 3, 70, width), floats(random, 0, 1, 3, 70, width)
		for i := range p.Float32() {
			p.Float32()[i] /= float32(width)
		}
		back := kernel(t, "F32SoftmaxGrad", half, p, dp)
		for row := 0; row < len(back); row += width {
			dot := 0.0
			for i := row; i < row+width; i++ {
				dot += float64(p.Float32()[i]) * float64(dp.Float32()[i])
			}
			for i := row; i < row+width; i++ {
				want := float64(p.Float32()[i]) * (float64(dp.Float32()[i]) - dot) / 2
				if math.Abs(float64(back[i])-want) > 1e-6*float64(p.Float32()[i])*4 {
					t.Fatalf("width %d: the gradient is %g, want %g", width, back[i], want)
				}
			}
		}
	}
}

// TestLayerNormF32 compares LayerNorm and its gradient with float64.
func TestLayerNormF32(t *testing.T) { eachVariant(t, testLayerNormF32) }

func testLayerNormF32(t *testing.T) {
	const epsilon = 1e-5
	attribute := map[string]any{"epsilon": float32(epsilon)}
	random := rand.New(rand.NewPCG(2, 2))
	for _, width := range []int{1, 7, 128, 4096} {
		for _, mean := range []float64{0, 20} {
			short := bfloats(random, 1, 2, 30, width) // what layerNorm takes; exact in float32
			dy := tensor.Zeros(2, 30, width)
			for i, v := range short.Data.([]tensor.BFloat16) {
				dy.Float32()[i] = float32(wide(v))
			}
			in, scale, bias := floats(random, mean, 2, 2, 30, width), floats(random, 1, 0.5, width), floats(random, 0, 1, width)
			y := kernel(t, "F32LayerNorm", attribute, in, scale, bias)
			dx := kernel(t, "F32LayerNormGrad", attribute, in, scale, dy)
			x := in.Float32()
			for row := 0; row < len(x); row += width {
				wantY, wantDx := layerNorm(x[row:row+width], scale.Float32(), bias.Float32(), short.Data.([]tensor.BFloat16)[row:row+width], epsilon)
				for i := range width {
					// A mean of 20 with a deviation of 2 costs a factor of 10 in precision.
					if got := float64(y[row+i]); math.Abs(got-wantY[i]) > 1e-5*max(1, math.Abs(wantY[i])) && width > 1 {
						t.Fatalf("width %d, mean %g: %g, want %g", width, mean, got, wantY[i])
					}
					if got := float64(dx[row+i]); math.Abs(got-wantDx[i]) > 2e-5*max(1, math.Abs(wantDx[i])) && width > 1 {
						t.Fatalf("width %d, mean %g: the gradient is %g, want %g", width, mean, got, wantDx[i])
					}
				}
			}
		}
	}
}

// TestGELUF32 compares GELU with float64. The formula's own error is 7.5e-8 of x.
func TestGELUF32(t *testing.T) { eachVariant(t, testGELUF32) }

func testGELUF32(t *testing.T) {
	x := []float32{0, float32(math.Copysign(0, -1)), 1e-30, -1e-30, 1e4, -1e4, 1e18, -1e18}
	for v := float32(-12); v < 12; v += 1.0 / 1024 {
		x = append(x, v)
	}
	for i, y := range kernel(t, "F32Gelu", nil, tensor.Must(x, len(x)/4, 4)) {
		v := float64(x[i])
		if want := v * normalCDF(v); math.Abs(float64(y)-want) > math.Abs(v)*2.5e-7 {
			t.Fatalf("GELU of %g is %g, want %g", v, y, want)
		}
	}
}

// TestSwishF32 compares Swish and its slope with float64, whose arguments are off by a rounding of beta x.
func TestSwishF32(t *testing.T) { eachVariant(t, testSwishF32) }

func testSwishF32(t *testing.T) {
	for _, beta := range []float64{1, 100} {
		var x, dy []float32
		for v := -12.0; v < 12; v += 1.0 / 512 {
			x, dy = append(x, float32(v/math.Sqrt(beta))), append(dy, -3)
		}
		attribute := map[string]any{"beta": float32(beta)}
		in := tensor.Must(x, len(x)/4, 4)
		y, dx := kernel(t, "F32Swish", attribute, in), kernel(t, "F32SwishGrad", attribute, in, tensor.Must(dy, len(x)/4, 4))
		for i, v := range x {
			scaled := beta * float64(v)
			s := 1 / (1 + math.Exp(-scaled))
			// e^-|scaled| is off by 3e-7 and by |scaled| 2^-24 of itself, or is e^-87.
			relative := 1e-6 + math.Abs(scaled)*0x1p-23
			if want := float64(v) * s; math.Abs(float64(y[i])-want) > math.Abs(want)*relative+1e-35 {
				t.Fatalf("beta %g: Swish of %g is %g, want %g", beta, v, y[i], want)
			}
			if want := -3 * s * (1 + scaled*(1-s)); math.Abs(float64(dx[i])-want) > 3*s*(1+math.Abs(scaled)*(1-s))*relative+1e-33 {
				t.Fatalf("beta %g: the slope at %g times -3 is %g, want %g", beta, v, dx[i], want)
			}
		}
	}
}
