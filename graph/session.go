package graph

import (
	"fmt"
	"runtime"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"dtl-tf/graph/capi"
	"dtl-tf/graph/tensor"
)

// Feed gives a placeholder its value for one run.
type Feed = capi.Feed

// SessionOptions are the settings of a session. TensorFlow fixes its thread pools when the
// first session of a process is made, so Threads of every later session has no effect.
type SessionOptions struct {
	Threads int // threads inside one op; 0: as many as Go code runs on (GOMAXPROCS)
}

// threads is the number that counts. TensorFlow's own choice would be all processors of the machine, also where a container may
// use but a part of their time.
func (o SessionOptions) threads() int {
	if o.Threads == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return o.Threads
}

// Session runs parts of a graph. Several goroutines may use it, and any of them may close it: Close waits for what runs,
// and what comes later is an error.
type Session struct {
	session *capi.Session
}

// NewSession opens a session on a finished graph.
func NewSession(g *tf.Graph, o SessionOptions) (*Session, error) {
	options, err := o.tensorFlow()
	if err != nil {
		return nil, err
	}
	s, err := capi.NewSession(g, options)
	if err != nil {
		return nil, err
	}
	return &Session{session: s}, nil
}

func (o SessionOptions) tensorFlow() (*tf.SessionOptions, error) {
	config := &pb.ConfigProto{
		IntraOpParallelismThreads: int32(o.threads()),
		// One op at a time: ops are large, so running two at once gains nothing, and the
		// order in which buffers are freed, hence the memory peak, stays the same in each run.
		InterOpParallelismThreads: 1,
		AllowSoftPlacement:        true,
		GraphOptions: &pb.GraphOptions{RewriteOptions: &pb.RewriterConfig{
			// What is recomputed in the backward pass is this program's decision, not Grappler's.
			MemoryOptimization: pb.RewriterConfig_NO_MEM_OPT,
			// A second round takes nearly as long as the first, and finds nothing more in these graphs.
			MetaOptimizerIterations: pb.RewriterConfig_ONE,
		}},
		GpuOptions: &pb.GPUOptions{AllowGrowth: true},
	}
	raw, err := proto.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("session options: %w", err)
	}
	capi.Threads(o.threads())
	return &tf.SessionOptions{Config: raw}, nil
}

// Run feeds, executes the targets and returns the fetched values in order.
func (s *Session) Run(feeds []Feed, fetches []tf.Output, targets ...*tf.Operation) ([]tensor.Tensor, error) {
	return s.session.Run(feeds, fetches, targets, nil)
}

// Trace is Run that also returns the RunMetadata of a full trace.
func (s *Session) Trace(feeds []Feed, fetches []tf.Output, targets ...*tf.Operation) ([]tensor.Tensor, *pb.RunMetadata, error) {
	var raw []byte
	values, err := s.session.Run(feeds, fetches, targets, &raw)
	if err != nil {
		return nil, nil, err
	}
	metadata := new(pb.RunMetadata)
	if err := proto.Unmarshal(raw, metadata); err != nil {
		return nil, nil, fmt.Errorf("read the run's metadata: %w", err)
	}
	return values, metadata, nil
}

// Devices lists the devices TensorFlow sees.
func (s *Session) Devices() ([]tf.Device, error) { return s.session.Devices() }

// Close waits for runs, then frees the session and the variables in it. Closing again does nothing.
func (s *Session) Close() error { return s.session.Close() }
