// Package sweep trains the cells of a VTAB-1k table: every method on every task with every seed. A finished cell is a JSON file. Each call
// trains the missing cells and resumes interrupted ones from their last checkpoints. Any number of processes on any number of
// machines can share a folder of results.
package sweep
