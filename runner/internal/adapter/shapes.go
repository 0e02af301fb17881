package adapter

import (
	"reflect"
	"sync"

	"dtl-tf/dtl"
)

// lastShapes are the tensors of the adapter that was checked last. Finding them takes a graph of the whole model, which costs time and
// memory outside of Go's heap; adapters that are opened one after another are often of one kind.
var lastShapes struct {
	sync.Mutex
	config dtl.Config
	shapes map[string][]int
}

// shapesOf returns the tensors of an adapter by name. The caller must not change them.
func shapesOf(c dtl.Config) (map[string][]int, error) {
	last := &lastShapes
	last.Lock()
	defer last.Unlock()
	if last.shapes != nil && reflect.DeepEqual(last.config, c) {
		return last.shapes, nil
	}
	model, err := dtl.New(c)
	if err != nil {
		return nil, err
	}
	last.config, last.shapes = c, model.AdapterShapes()
	return last.shapes, nil
}
