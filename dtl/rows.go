package dtl

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// Wanted is a task of a Shared with the rows of a batch that it classifies.
type Wanted struct {
	Task string
	Rows []int // each at most once; nil: all
}

// picker is the part of a Shared's graph that takes rows out of a value that several tasks read.
type picker struct {
	full, rows, picked graph.Value
}

// newPicker adds a picker for a value [n, ...].
func newPicker(b *graph.Builder, v graph.Value) picker {
	p := picker{full: b.Placeholder("full", v.DataType(), v.Shape...), rows: b.Placeholder("rows", tf.Int32, graph.Unknown)}
	p.picked = b.Pick(p.full, p.rows)
	return p
}

// pickRows returns rows of held values, held too. A value without a picker is not among those that tasks read.
func (t *trunk) pickRows(s *graph.Session, values map[string]tensor.Tensor, names []string, rows []int) (map[string]tensor.Tensor, error) {
	indices := make([]int32, len(rows))
	for i, r := range rows {
		indices[i] = int32(r)
	}
	var feeds []graph.Feed
	var fetches []tf.Output
	for _, name := range names {
		p := t.pickers[name]
		feeds = append(feeds, graph.Feed{Output: p.full.Output, Value: values[name]}, graph.Feed{Output: p.rows.Output, Value: tensor.Must(indices, len(indices))})
		fetches = append(fetches, p.picked.Output)
	}
	out, err := s.RunHeld(feeds, fetches)
	if err != nil {
		return nil, fmt.Errorf("the rows of a task: %w", err)
	}
	picked := map[string]tensor.Tensor{}
	for i, name := range names {
		picked[name] = out[i]
	}
	return picked, nil
}
