package classify

import (
	"fmt"

	"dtl-tf/graph/tensor"
	"dtl-tf/runner/data"
)

// Logits classifies a batch of a loader: logits [B, classes]. One that is NaN or infinite is an error that names the image: no
// class could be told from it.
func Logits(c Classifier, loader *data.Loader, b *data.Batch, size int) (tensor.Tensor, error) {
	logits, err := c.Logits(b.Tensor(size))
	if err != nil {
		return logits, err
	}
	if at := logits.FirstNonFinite(); at >= 0 {
		classes := logits.Shape[1]
		return logits, fmt.Errorf("image %s can't be classified: its logit of class %d is %v; backbone or adapter are damaged, or their values overflow in this precision",
			loader.Item(b.Indices[at/classes]).Path, at%classes, logits.Float32()[at])
	}
	return logits, nil
}
