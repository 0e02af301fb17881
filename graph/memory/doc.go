// Package memory computes the memory peak of one traced run, and which buffers were live at the peak.
//
// With RunOptions at FULL_TRACE TensorFlow writes into the RunMetadata, for every node, each allocation and each
// release of the node's buffers with its time (NodeExecStats.memory.allocation_records; a release has negative
// bytes). Replayed in order of time they give the live bytes at every moment. That is a property of the executed
// graph: it does not depend on the allocator's pooling, on other programs or on swapping.
//
// Counted is what the run allocates: outputs of nodes, saved activations, temporaries that a node requests from
// TensorFlow, gradients. Not counted is what existed before the run (weights, the optimizer's moments, constants,
// fed images), nor memory that a math library takes from the system directly.
//
// # Order within a microsecond
//
// Times are whole microseconds, so the order of an allocation and a release within the same microsecond can be
// ambiguous. Replay puts releases first. The executor runs one node after another: it releases a node's inputs when
// the node is done and only then starts the next node, which allocates its outputs in the same microsecond. Putting
// allocations first would count two buffers at most of these transitions where there was only one. Releases first is
// wrong for a node that allocates a buffer and finishes with an input in the same microsecond, which is only possible
// for buffers small enough to be written in that time (some 20 kB). The records of one node are in their true order
// and stay in it, so a temporary that lives less than a microsecond is counted. Report.AtMost is the other extreme,
// allocations first: the true peak lies between Peak and AtMost.
//
// # Reproducibility
//
// Sizes are exact. The order of nodes is nearly the same in each run: which of several ready nodes starts first depends
// on TensorFlow's running estimate of their cost. Peaks of several runs of ViT-Ti/16, batch 4, differed by at most
// 0.1 %; the peak of gradients alone, with every weight trained, by 6 % (it depends on how soon each is applied).
package memory
