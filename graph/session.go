package graph

import (
	"fmt"
	"runtime"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"dtl-tf/graph/capi"
	"dtl-tf/graph/tensor"
)

// Feed is a placeholder and its value for one run.
type Feed = capi.Feed

// SessionOptions configures a session. TensorFlow creates its thread pools with the first session of a process, so Threads
// has no effect on later sessions.
type SessionOptions struct {
	Threads int // threads inside one op; 0: GOMAXPROCS
}

// threads resolves the default. TensorFlow's own default is one thread per processor of the machine, even in a container whose
// CPU quota is lower.
func (o SessionOptions) threads() int {
	if o.Threads == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return o.Threads
}

// Session runs parts of a graph. It is safe for concurrent use, Close included: Close waits for running calls, and every later
// call fails with capi.ErrClosed.
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
	return &Session{s}, nil
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
	return &Session{session}, model, nil
}

func (o SessionOptions) tensorFlow() (*tf.SessionOptions, error) {
	config := &pb.ConfigProto{
		IntraOpParallelismThreads: int32(o.threads()),
		// One op at a time: ops are large, so running two at once gains nothing, and a fixed order of releases
		// keeps the memory peak the same in every run.
		InterOpParallelismThreads: 1,
		AllowSoftPlacement:        true,
		GraphOptions: &pb.GraphOptions{RewriteOptions: &pb.RewriterConfig{
			// Regions decide what the backward pass recomputes, not Grappler.
			MemoryOptimization: pb.RewriterConfig_NO_MEM_OPT,
			// A second iteration takes nearly as long as the first and finds nothing more in these graphs.
			MetaOptimizerIterations: pb.RewriterConfig_ONE,
		}},
		GpuOptions: &pb.GPUOptions{AllowGrowth: true},
	}
	raw, err := proto.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("session options: %w", err)
	}
	capi.SetKernelThreads(o.threads())
	return &tf.SessionOptions{Config: raw}, nil
}

// Run executes the targets with the given feeds and returns the fetched values in order.
func (s *Session) Run(feeds []Feed, fetches []tf.Output, targets ...*tf.Operation) ([]tensor.Tensor, error) {
	return s.session.Run(feeds, fetches, targets, nil)
}

// Trace is Run with tracing: it also returns the RunMetadata at level FULL_TRACE.
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

// Close frees the session and its variables. Closing again does nothing.
func (s *Session) Close() error { return s.session.Close() }

// Devices lists the devices that TensorFlow found.
func (s *Session) Devices() ([]tf.Device, error) { return s.session.Devices() }

// Device returns the device that runs the heavy nodes: TensorFlow's first GPU, else the CPU. kind is GPU or CPU; an example of
// a name is /device:CPU:0.
func (s *Session) Device() (name, kind string, err error) {
	devices, err := s.Devices()
	if err != nil {
		return "", "", fmt.Errorf("list the devices: %w", err)
	}
	for _, d := range devices {
		if kind == "" || (d.Type == "GPU" && kind != "GPU") {
			name, kind = d.Name[strings.LastIndex(d.Name, "/device:"):], d.Type
		}
	}
	return name, kind, nil
}
