package graph

import (
	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/capi"
)

// Probabilities is the softmax of logits [B, classes]. There is no gradient.
func (b *Builder) Probabilities(logits Value) Value {
	return b.In("probabilities").unary("Softmax", b.full(logits))
}

// LoadSavedModel lets TensorFlow read the SavedModel in a folder, variables and all, and opens a session on it.
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
