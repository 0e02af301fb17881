// Package compare measures parameters, memory and time of every method with the same backbone, batch size and precision. Each method
// runs in a separate process, so that one that does not fit into memory or is killed does not affect the others. Finished rows
// are stored as files, and a second call measures only the missing ones.
package compare
