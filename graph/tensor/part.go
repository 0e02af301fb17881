package tensor

import "fmt"

// Part is the elements from..to-1 along the first dimension of t. It shares the data of t.
func Part(t Tensor, from, to int) (Tensor, error) {
	if len(t.Shape) == 0 || from < 0 || to < from || to > t.Shape[0] {
		return Tensor{}, fmt.Errorf("a tensor of shape %v has no part %d to %d", t.Shape, from, to)
	}
	shape := append([]int{to - from}, t.Shape[1:]...)
	each := Size(t.Shape[1:])
	part := Tensor{Shape: shape}
	switch data := t.Data.(type) {
	case []float32:
		part.Data = data[from*each : to*each]
	case []BFloat16:
		part.Data = data[from*each : to*each]
	case []uint8:
		part.Data = data[from*each : to*each]
	case Rows[float32]:
		part.Data = data[from:to]
	case Rows[BFloat16]:
		part.Data = data[from:to]
	default:
		return Tensor{}, fmt.Errorf("a tensor of %T can't be divided", t.Data)
	}
	return part, nil
}
