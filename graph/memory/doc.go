// Package memory finds out from one traced run how many bytes it held at its fullest moment, and what they were.
//
// With RunOptions at FULL_TRACE TensorFlow writes into the RunMetadata, for every node, each allocation and each
// release of the node's buffers with its time (NodeExecStats.memory.allocation_records; a release has negative
// bytes). Replayed in time they give the bytes that were alive at every moment: a property of the executed graph,
// free of the allocator's pooling, of what other programs do and of how often the machine swapped.
//
// Counted is what the run allocates: outputs of nodes, activations kept for the backward pass, temporaries that a
// node asks TensorFlow for, gradients. Not counted is what was there before it (weights, the optimizer's moments,
// constants, the images that are fed) and memory that a math library takes from the system by itself.
//
// # Order within a microsecond
//
// The times are whole microseconds, so it may be open whether a buffer was made before or after another was given back.
// Replay takes releases first. The executor runs one node after another, gives the inputs of a node back
// when it is done and only then starts the next, which asks for its outputs in the same microsecond: taking allocations
// first would count, at most such seams, two buffers where there was one. The order that releases-first gets wrong,
// a node that makes a buffer and is done with its input within the same microsecond, is only possible for buffers
// so small that they are written in that time (some 20 kB). The records of one node are in their true order and stay
// in it: a temporary that comes and goes within a microsecond is counted. Report.AtMost is the other extreme,
// allocations first, so the truth lies between Peak and AtMost.
//
// # How far it repeats
//
// Sizes are exact, the order of nodes is almost the same in each run: which of several ready nodes starts first depends on
// TensorFlow's running estimate of their cost. Peaks of several runs of ViT-Ti/16, batch 4, differed by at most
// 0.1 %; the peak of the gradients alone, where every weight trains, by 6 % (it depends on how soon each is applied).
package memory
