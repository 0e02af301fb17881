package tensor

import (
	"fmt"
	"reflect"
)

// Part is the elements from..to-1 along the first dimension of t. It shares the data of t. Data that is not
// a slice, such as a result that TensorFlow holds, can only be returned whole.
func Part(t Tensor, from, to int) (Tensor, error) {
	if len(t.Shape) > 0 && from == 0 && to == t.Shape[0] {
		return t, nil
	}
	data := reflect.ValueOf(t.Data)
	if len(t.Shape) == 0 || from < 0 || to < from || to > t.Shape[0] || data.Kind() != reflect.Slice {
		return Tensor{}, fmt.Errorf("a tensor of %T and shape %v has no part %d to %d", t.Data, t.Shape, from, to)
	}
	each := data.Len() / max(t.Shape[0], 1) // 1 for Rows
	return Tensor{Shape: append([]int{to - from}, t.Shape[1:]...), Data: data.Slice(from*each, to*each).Interface()}, nil
}
