package graph

import (
	"fmt"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// fillBytes bounds the bytes that one run copies into or out of a session, because the run briefly holds them twice.
const fillBytes = 64 << 20

// Assign sets every variable from values, which must have the same shapes and may hold further names. It batches variables
// into few runs: TensorFlow prepares the graph anew for each set of targets, so one run per variable would cost 4 to 12 ms
// each, seconds for a backbone.
func (vs *Variables) Assign(s *Session, values tensor.Map) error {
	var feeds []Feed
	var targets []*tf.Operation
	pending := 0 // bytes in feeds
	flush := func() error {
		if len(targets) == 0 {
			return nil
		}
		if _, err := s.Run(feeds, nil, targets...); err != nil {
			return fmt.Errorf("fill %d variables: %w", len(targets), err)
		}
		feeds, targets, pending = nil, nil, 0
		return nil
	}
	for _, v := range vs.list {
		t, ok := values[v.Name]
		if !ok {
			return fmt.Errorf("tensor %s is missing", v.Name)
		}
		if !slices.Equal(t.Shape, v.Shape) {
			return fmt.Errorf("tensor %s has shape %v, wanted %v", v.Name, t.Shape, v.Shape)
		}
		feeds = append(feeds, Feed{Output: v.input, Value: t})
		targets = append(targets, v.assign)
		if pending += 4 * tensor.Size(v.Shape); pending >= fillBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// Read copies all variables out of the session, in few runs like Assign.
func (vs *Variables) Read(s *Session) (tensor.Map, error) {
	values := tensor.Map{}
	for from := 0; from < len(vs.list); {
		var reads []tf.Output
		for size := 0; from+len(reads) < len(vs.list) && size < fillBytes; {
			v := vs.list[from+len(reads)]
			reads = append(reads, v.read)
			size += 4 * tensor.Size(v.Shape)
		}
		got, err := s.Run(nil, reads)
		if err != nil {
			return nil, fmt.Errorf("read %d variables from %s on: %w", len(reads), vs.list[from].Name, err)
		}
		for i, t := range got {
			values[vs.list[from+i].Name] = t
		}
		from += len(reads)
	}
	return values, nil
}
