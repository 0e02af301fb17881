package result

// Memory says how a run with --memory was fitted into it. All sizes are bytes.
type Memory struct {
	Limit      int64  `json:"limit"`
	Recompute  string `json:"recompute"`             // as picked
	MicroBatch int    `json:"micro_batch,omitempty"` // as picked; 0: the whole batch
	Need       Need   `json:"estimate"`              // of the process, with these
}

// Need is a bound of the memory of a training process, from its graph. Reserve is its margin.
type Need struct {
	Program      int64 `json:"program"`       // resident before training: TensorFlow, the backbone's file, the graph
	Weights      int64 `json:"weights"`       // of the session
	Optimizer    int64 `json:"optimizer"`     // moments and moving averages
	Accumulators int64 `json:"accumulators"`  // of micro-batches
	Step         int64 `json:"step"`          // the peak of a training step
	Evaluation   int64 `json:"evaluation"`    // by which the peak of classifying the evaluation's images exceeds Step
	Copies       int64 `json:"copies"`        // of weights: the last good ones, what a checkpoint holds, and the frozen ones while they are checked
	Batches      int64 `json:"batches"`       // prepared ahead, and fed
	ImageCache   int64 `json:"decoded_cache"` // decoded images that are kept between epochs
	Reserve      int64 `json:"reserve"`       // for garbage, and for what allocators hold without using it
}

// Total is the need of the process.
func (n Need) Total() int64 {
	return n.Program + n.Weights + n.Optimizer + n.Accumulators + n.Step + n.Evaluation + n.Copies + n.Batches + n.ImageCache + n.Reserve
}
