// Package report shows runs to people: tables, the comparison figure, and progress on a terminal or in a log.
package report
