package savedmodel

import (
	"context"
	"fmt"
	"os"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// Loaded is a SavedModel that TensorFlow has loaded, ready to run.
type Loaded struct {
	session    *graph.Session
	graph      *tf.Graph
	signatures map[string]tf.Signature
}

// Load loads the SavedModel in folder dir, including its variables.
func Load(dir string, o graph.SessionOptions) (*Loaded, error) {
	if err := Check(os.DirFS(dir)); err != nil {
		return nil, err
	}
	session, model, err := graph.LoadSavedModel(dir, Tag, o)
	if err != nil {
		if _, why := ReadVariables(context.Background(), os.DirFS(dir)); why != nil { // names the file, unlike most errors of TensorFlow
			return nil, why
		}
		line, _, _ := strings.Cut(err.Error(), "\n") // the rest lists nodes of the graph
		return nil, fmt.Errorf("TensorFlow can't load it: %s", line)
	}
	return &Loaded{session, model.Graph, model.Signatures}, nil
}

// Run calls a signature with a value for one input and returns one of its outputs.
func (l *Loaded) Run(signature, input string, value tensor.Tensor, output string) (tensor.Tensor, error) {
	got, err := l.RunAll(signature, input, value, output)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return got[0], nil
}

// RunAll is Run for several outputs, which are computed in one pass.
func (l *Loaded) RunAll(signature, input string, value tensor.Tensor, outputs ...string) ([]tensor.Tensor, error) {
	s, ok := l.signatures[signature]
	if !ok {
		return nil, fmt.Errorf("there is no signature %q", signature)
	}
	in, err := l.find(s.Inputs, signature, input)
	if err != nil {
		return nil, err
	}
	fetches := make([]tf.Output, len(outputs))
	for i, output := range outputs {
		if fetches[i], err = l.find(s.Outputs, signature, output); err != nil {
			return nil, err
		}
	}
	got, err := l.session.Run([]graph.Feed{{Output: in, Value: value}}, fetches)
	if err != nil {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return nil, fmt.Errorf("signature %q: %s", signature, line)
	}
	return got, nil
}

// find resolves an entry of a signature, such as "node:0", to an output of the graph.
func (l *Loaded) find(entries map[string]tf.TensorInfo, signature, name string) (tf.Output, error) {
	entry, ok := entries[name]
	if !ok {
		return tf.Output{}, fmt.Errorf("the signature %q has no %q", signature, name)
	}
	node, index, _ := strings.Cut(entry.Name, ":")
	op := l.graph.Operation(node)
	if op == nil || index != "0" && index != "" {
		return tf.Output{}, fmt.Errorf("the signature %q points to %q, which the graph does not have", signature, entry.Name)
	}
	return op.Output(0), nil
}

// Close frees the session and its variables.
func (l *Loaded) Close() error { return l.session.Close() }
