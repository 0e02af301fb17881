package graph

import (
	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/capi"
)

// Probabilities is the softmax of logits [B, classes]. It has no gradient.
func (b *Builder) Probabilities(logits Value) Value {
	return b.In("probabilities").unary("Softmax", b.widen(logits))
}

// LoadSavedModel has TensorFlow read the SavedModel in a folder, including its variables, and opens a session on it.
// Closing the session frees the model.
func LoadSavedModel(dir, tag string, o SessionOptions) (*Session, *tf.SavedModel, error) {
	options, err := o.tensorFlow()
	if err != nil {
		return nil, nil, err
	}
	session, model, err := capi.LoadSavedModel(dir, tag, options)
	if err != nil {
		return nil, nil, err
	}
	return &Session{session: session}, model, nil
}
