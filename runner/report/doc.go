// Package report shows runs to people: tables made from run.json alone, and the progress of a
// run on a terminal or in a log.
package report
