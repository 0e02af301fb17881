package graph

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

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
	// XLA compiles the graph for the GPU, which fuses its element-wise ops. The first run takes some seconds longer, and a trace of
	// the session has no allocation records. Without a GPU it has no effect.
	XLA bool
	// Places are the devices that share the work of a graph built for them (see Builder.On); empty for one device. Processors of this
	// process divide Threads among themselves.
	Places []Place
	// Cluster is where the session runs; nil for this process.
	Cluster *Cluster
}

// threads resolves the default. TensorFlow's own default is one thread per processor of the machine, even in a container whose
// CPU quota is lower.
func (o SessionOptions) threads() int {
	if o.Threads == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return o.Threads
}

// devices is the number of devices of this process that work at the same time.
func (o SessionOptions) devices() int {
	n := 0
	for _, p := range o.Places {
		if p.Task() == "" {
			n++
		}
	}
	return max(n, 1)
}

// processors is the number of CPU devices of this process.
func (o SessionOptions) processors() int {
	n := 1
	for _, p := range o.Places {
		var index int
		if _, err := fmt.Sscanf(string(p), "/device:CPU:%d", &index); err == nil {
			n = max(n, index+1)
		}
	}
	return n
}

// threadsEach is the number of threads inside one op, which are those of a CPU device's own pool if the process's first session
// has several (see capi.PoolForEachDevice).
func (o SessionOptions) threadsEach() int {
	if len(o.Places) == 0 || o.Places[0].Kind() == GPU {
		return o.threads()
	}
	return max(1, o.threads()/o.devices())
}

// Session runs parts of a graph. It is safe for concurrent use, Close included: Close waits for running calls, and every later
// call fails with capi.ErrClosed.
type Session struct {
	session *capi.Session
	cluster *Cluster
	lost    atomic.Bool // a member of the cluster failed
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
	return &Session{session: s, cluster: o.Cluster}, nil
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

func (o SessionOptions) tensorFlow() (*tf.SessionOptions, error) {
	capi.SetKernelThreads(o.threadsEach())
	if o.processors() > 1 {
		capi.PoolForEachDevice()
	}
	config := o.config()
	rewrite := config.GraphOptions.RewriteOptions
	plain, err := marshal(config)
	if err != nil {
		return nil, err
	}
	gpu, err := hasGPU(plain)
	if err != nil {
		return nil, err
	}
	if o.Cluster != nil {
		config.IsolateSessionState = true // variables are those of the session, as in one process
	}
	if !gpu {
		return o.marshal(config)
	}
	// With oneDNN on, the remapper replaces layer norms by an op that has no GPU kernel, wherever they are placed (TensorFlow 2.18).
	rewrite.Remapping = pb.RewriterConfig_OFF
	if o.XLA {
		config.GraphOptions.OptimizerOptions = &pb.OptimizerOptions{GlobalJitLevel: pb.OptimizerOptions_ON_2}
	}
	return o.marshal(config)
}

func (o SessionOptions) config() *pb.ConfigProto {
	return &pb.ConfigProto{
		DeviceCount:               map[string]int32{"CPU": int32(o.processors())},
		IntraOpParallelismThreads: int32(o.threadsEach()),
		// One op at a time on each device: ops are large, so running two at once gains nothing, and a fixed order of releases
		// keeps the memory peak the same in every run.
		InterOpParallelismThreads: int32(o.devices()),
		// Otherwise it would be the number of the process's first session.
		UsePerSessionThreads: o.devices() > 1,
		AllowSoftPlacement:   true,
		GraphOptions: &pb.GraphOptions{RewriteOptions: &pb.RewriterConfig{
			// Regions decide what the backward pass recomputes, not Grappler.
			MemoryOptimization: pb.RewriterConfig_NO_MEM_OPT,
			// A second iteration takes nearly as long as the first and finds nothing more in these graphs.
			MetaOptimizerIterations: pb.RewriterConfig_ONE,
		}},
		GpuOptions: &pb.GPUOptions{AllowGrowth: true},
	}
}

// marshal adds where the session runs.
func (o SessionOptions) marshal(config *pb.ConfigProto) (*tf.SessionOptions, error) {
	options, err := marshal(config)
	if err == nil && o.Cluster != nil {
		options.Target = o.Cluster.target
	}
	return options, err
}

func marshal(config *pb.ConfigProto) (*tf.SessionOptions, error) {
	raw, err := proto.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("session options: %w", err)
	}
	return &tf.SessionOptions{Config: raw}, nil
}

var gpuOnce = struct {
	sync.Once
	found bool
	err   error
}{}

// hasGPU tells whether TensorFlow finds a GPU. The first call opens a session with the given options.
func hasGPU(o *tf.SessionOptions) (bool, error) {
	gpuOnce.Do(func() {
		var s *capi.Session
		if s, gpuOnce.err = capi.NewSession(tf.NewGraph(), o); gpuOnce.err != nil {
			return
		}
		defer s.Close()
		var devices []tf.Device
		devices, gpuOnce.err = s.Devices()
		gpuOnce.found = slices.ContainsFunc(devices, func(d tf.Device) bool { return d.Type == "GPU" })
	})
	return gpuOnce.found, gpuOnce.err
}

// Run executes the targets with the given feeds and returns the fetched values in order.
func (s *Session) Run(feeds []Feed, fetches []tf.Output, targets ...*tf.Operation) ([]tensor.Tensor, error) {
	values, err := s.session.Run(feeds, fetches, targets, nil)
	return values, s.blame(err)
}

// RunHeld is Run that leaves the fetched values in TensorFlow's memory, so that feeding them to another run copies nothing. The caller
// frees them with Free.
func (s *Session) RunHeld(feeds []Feed, fetches []tf.Output) ([]tensor.Tensor, error) {
	values, err := s.session.RunHeld(feeds, fetches)
	return values, s.blame(err)
}

// Hold copies a tensor to TensorFlow's memory, so that feeding it copies nothing. Free the result.
func Hold(t tensor.Tensor) (tensor.Tensor, error) { return capi.Hold(t) }

// Free frees tensors that Hold or RunHeld returned. No run may be using them.
func Free(tensors ...tensor.Tensor) { capi.Free(tensors...) }

// Trace is Run with tracing: it also returns the RunMetadata at level FULL_TRACE.
func (s *Session) Trace(feeds []Feed, fetches []tf.Output, targets ...*tf.Operation) ([]tensor.Tensor, *pb.RunMetadata, error) {
	var raw []byte
	values, err := s.session.Run(feeds, fetches, targets, &raw)
	if err != nil {
		return nil, nil, s.blame(err)
	}
	metadata := new(pb.RunMetadata)
	if err := proto.Unmarshal(raw, metadata); err != nil {
		return nil, nil, fmt.Errorf("read the run's metadata: %w", err)
	}
	return values, metadata, nil
}

// Close frees the session and its variables. Closing again does nothing.
// TensorFlow waits without end for a member that has ended, so Close does not wait for TensorFlow then.
func (s *Session) Close() error {
	if s.lost.Load() {
		go s.session.Close()
		return nil
	}
	return s.session.Close()
}

// blame is Cluster.blame, and remembers a member's failure.
func (s *Session) blame(err error) error {
	err = s.cluster.blame(err)
	if err != nil && errors.As(err, new(*MemberError)) {
		s.lost.Store(true)
	}
	return err
}

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
