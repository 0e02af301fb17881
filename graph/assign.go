package graph

import (
	"fmt"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// fillBytes bounds what one run copies into a session or out of it: so much exists twice for a moment.
const fillBytes = 64 << 20

// Assign fills every variable from values, whose shapes must match; values may hold more. It takes few runs:
// TensorFlow prepares the graph anew for each set of targets, which would take 4 to 12 ms a
// variable if each had a run of its own, seconds for a backbone.
func (vs *Variables) Assign(s *Session, values tensor.Map) error {
	var feeds []Feed
	var targets []*tf.Operation
	bytes := 0
	flush := func() error {
		if len(targets) == 0 {
			return nil
		}
		if _, err := s.Run(feeds, nil, targets...); err != nil {
			return fmt.Errorf("fill %d variables: %w", len(targets), err)
		}
		feeds, targets, bytes = nil, nil, 0
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
		if bytes += 4 * tensor.Size(v.Shape); bytes >= fillBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// Read copies all variables out of the session, in few runs for the same reason.
func (vs *Variables) Read(s *Session) (tensor.Map, error) {
	values := tensor.Map{}
	for from := 0; from < len(vs.list); {
		var reads []tf.Output
		for bytes := 0; from+len(reads) < len(vs.list) && bytes < fillBytes; {
			v := vs.list[from+len(reads)]
			reads = append(reads, v.read)
			bytes += 4 * tensor.Size(v.Shape)
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
