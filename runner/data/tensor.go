package data

import "dtl-tf/graph/tensor"

// Tensor views the images of a batch, whose side is size, as a tensor [B, S, S, 3].
func (b *Batch) Tensor(size int) tensor.Tensor {
	return tensor.Must(b.Images, len(b.Images)/(size*size*3), size, size, 3)
}
