//go:build !race

package need

// RaceDetector tells that the test runs under Go's race detector, which keeps memory of its own and makes code slower.
const RaceDetector = false
