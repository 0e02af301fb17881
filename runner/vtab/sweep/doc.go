// Package sweep trains the cells of a VTAB-1k table: every method on every task with every seed. A cell that is done is a
// JSON file; what is missing is trained by the next call, what was begun goes on from its last checkpoint, and any
// number of processes on any number of machines can share a folder.
package sweep
