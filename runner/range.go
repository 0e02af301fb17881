package runner

import (
	"fmt"
	"math"
	"strconv"
)

// Larger numbers are rather typing mistakes, and would exhaust the machine.
const (
	MostBatch   = 1e6
	MostThreads = 4096
)

// Span is a number of the user's and its limits.
type Span struct {
	Flag             string
	Value, Low, High float64
	Open             bool // low itself is not allowed
}

// CheckRanges refuses numbers that are outside of their limits.
func CheckRanges(spans ...Span) error {
	for _, s := range spans {
		if math.IsNaN(s.Value) || s.Value < s.Low || s.Value > s.High || (s.Open && s.Value == s.Low) {
			bound := "at least"
			if s.Open {
				bound = "above"
			}
			return Usagef("--%s %s is not possible: it must be %s %v and at most %s", s.Flag, number(s.Value), bound, s.Low, number(s.High))
		}
	}
	return nil
}

// number shows whole numbers as people write them, not as 1e+06.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return fmt.Sprint(v)
}

// CheckMachine is CheckRanges for commands that only classify.
func CheckMachine(batch, threads int) error {
	return CheckRanges(Span{"batch", float64(batch), 1, MostBatch, false}, Span{"threads", float64(threads), 0, MostThreads, false})
}
