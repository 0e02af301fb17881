package estimate

// cheap are the ops that TensorFlow's executor runs at once, on the thread that made them ready (OpKernel::IsExpensive is false).
// VarHandleOp and ReadVariableOp are not among TensorFlow's: see the package comment.
var cheap = map[string]bool{
	"_Arg": true, "_Retval": true, "Const": true, "ExpandDims": true, "Identity": true, "NoOp": true, "ReadVariableOp": true, "Reshape": true,
	"Shape": true, "Size": true, "Squeeze": true, "StopGradient": true, "VarHandleOp": true,
}

// queueLength is the length of a thread's queue in TensorFlow's thread pools (Eigen's ThreadPoolTempl::Queue). A task that is handed
// to a full one runs at once.
const queueLength = 1024

// executor runs a network in the order of TensorFlow's executor on a pool of one thread, as graph.NewSession has it, as long as its
// estimates of the kernels' costs have not decayed. A thread that has run a node runs those of the node's users that are ready and cheap
// itself, first in, first out. It hands the expensive ones to the pool, but keeps the last of them if it has nothing else to
// do. A thread of a pool puts what it hands to its own pool in front, so the pool is a stack.
//
// Source: tensorflow/core/common_runtime/executor.cc (ExecutorState::Process, NodeDone, ScheduleReady), and Eigen's
// NonBlockingThreadPool.h (ScheduleWithHint, WorkerLoop).
type executor struct {
	pending map[*node]int // inputs that are missing
	pool    []*node
	order   []*node
}

// schedule returns the nodes in the order in which they run.
func (net *network) schedule() []*node {
	e := &executor{pending: map[*node]int{}}
	source := &node{} // TensorFlow's _SOURCE, for which all nodes without inputs wait
	for _, n := range net.nodes {
		if e.pending[n] = n.edges(); e.pending[n] == 0 {
			e.pending[n] = 1
			source.users = append(source.users, user{n, control})
		}
	}
	e.process(source)
	for len(e.pool) > 0 {
		last := len(e.pool) - 1
		n := e.pool[last]
		e.pool = e.pool[:last]
		e.process(n)
	}
	return e.order[1:]
}

// process runs a node and what its thread then keeps for itself.
func (e *executor) process(first *node) {
	mine := []*node{first}
	for len(mine) > 0 {
		n := mine[0]
		mine = mine[1:]
		e.order = append(e.order, n)
		var expensive *node
		for _, u := range n.users {
			e.pending[u.to]--
			switch {
			case e.pending[u.to] > 0:
			case cheap[u.to.op]:
				mine = append(mine, u.to)
			default:
				e.hand(expensive)
				expensive = u.to
			}
		}
		if len(mine) == 0 && expensive != nil {
			mine = append(mine, expensive)
		} else {
			e.hand(expensive)
		}
	}
}

// hand hands a node to the pool, unless it is nil.
func (e *executor) hand(n *node) {
	switch {
	case n == nil:
	case len(e.pool) == queueLength:
		e.process(n)
	default:
		e.pool = append(e.pool, n)
	}
}
