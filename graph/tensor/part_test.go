package tensor

import (
	"reflect"
	"testing"
)

func TestPart(t *testing.T) {
	for _, c := range []struct {
		whole Tensor
		want  any
	}{
		{Must([]float32{0, 1, 2, 3, 4, 5}, 3, 2), []float32{2, 3, 4, 5}},
		{Must([]uint8{0, 1, 2}, 3), []uint8{1, 2}},
		{Must([]BFloat16{0, 1, 2, 3, 4, 5}, 3, 1, 2), []BFloat16{2, 3, 4, 5}},
		{Tensor{[]int{3, 1}, Rows[float32]{{1}, {2}, {3}}}, Rows[float32]{{2}, {3}}},
		{Tensor{[]int{3, 1}, Rows[BFloat16]{{1}, {2}, {3}}}, Rows[BFloat16]{{2}, {3}}},
	} {
		got, err := Part(c.whole, 1, 3)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Data, c.want) || got.Shape[0] != 2 || len(got.Shape) != len(c.whole.Shape) {
			t.Errorf("part of %v: %v %v, want %v", c.whole, got.Shape, got.Data, c.want)
		}
	}
	for _, span := range [][2]int{{-1, 2}, {2, 1}, {0, 4}} {
		if _, err := Part(Zeros(3, 2), span[0], span[1]); err == nil {
			t.Errorf("part %v of 3: no error", span)
		}
	}
	if _, err := Part(Scalar[int64](1), 0, 1); err == nil {
		t.Error("part of a scalar: no error")
	}
}
