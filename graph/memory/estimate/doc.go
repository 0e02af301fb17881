// Package estimate tells the memory peak of a run from its graph, without executing it. The peak is the same that package memory
// finds in the trace of a run: what the run allocates, but not what exists before it.
//
// The graph is the one that TensorFlow executes, after all of its rewriting (graph.Rewritten). Its nodes take their turns as in
// TensorFlow's executor on one thread (schedule.go). Each kernel allocates its output, hands on the buffer of an input, or
// overwrites an input that nobody else needs (kernel.go); a buffer is free once its last reader is done (simulate.go).
//
// # What is left out
//
// oneDNN takes scratch memory for some products, a few kilobytes at its discretion. Its choice depends on the processor and the
// number of threads, and is not counted.
//
// TensorFlow starts the nodes that depend on nothing in the order of a hash table of addresses, which differs between
// processes. The same is true of the users of a value that has more than eight. The estimate takes both in the order of the
// graph, and reads variables first. After some 90 runs TensorFlow knows which kernels are cheap and runs those at once, so that
// the order changes again.
package estimate
