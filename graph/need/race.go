//go:build race

package need

// RaceDetector reports whether the test runs under Go's race detector, which uses more memory and slows code down.
const RaceDetector = true
