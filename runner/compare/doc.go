// Package compare measures every method on one backbone, batch and precision: parameters, memory, time. Each method
// runs in a separate process, so that a row that does not fit into memory, or that the system kills, leaves the
// others alone. Finished rows are kept as files, and a second call measures only what is missing.
package compare
