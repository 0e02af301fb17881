package train

import (
	"slices"

	"dtl-tf/runner/internal/stat"
)

const (
	// warmupSteps is the number of steps that are not timed: the first steps allocate memory that later ones reuse, and TensorFlow
	// chooses kernels.
	warmupSteps = 5
	// maxTimes bounds the list of step times. When it is full every second time is dropped, so the rest covers the run evenly.
	maxTimes = 4096
)

// Timing has statistics of the seconds per step of a run, without the warm-up. It is zero before the first step.
type Timing struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	P10    float64 `json:"p10"`
	P90    float64 `json:"p90"`
	Steps  int     `json:"count"` // number of timed steps
}

// stopwatch collects step times in bounded memory.
type stopwatch struct {
	first    []float64 // the warm-up, used only in shorter runs
	kept     []float64 // every stride-th time after the warm-up
	stride   int
	seen     int // times after the warm-up
	min, max float64
}

func (s *stopwatch) add(seconds float64) {
	if len(s.first) < warmupSteps {
		s.first = append(s.first, seconds)
		return
	}
	if s.seen == 0 {
		s.stride, s.min, s.max = 1, seconds, seconds
	}
	s.min, s.max = min(s.min, seconds), max(s.max, seconds)
	if s.seen%s.stride == 0 {
		if len(s.kept) == maxTimes {
			for i := range maxTimes / 2 {
				s.kept[i] = s.kept[2*i]
			}
			s.kept = s.kept[:maxTimes/2]
			s.stride *= 2
		}
		s.kept = append(s.kept, seconds)
	}
	s.seen++
}

func (s *stopwatch) timing() Timing {
	times, steps, lo, hi := s.kept, s.seen, s.min, s.max
	if s.seen == 0 {
		if len(s.first) == 0 {
			return Timing{}
		}
		times, steps, lo, hi = s.first, len(s.first), slices.Min(s.first), slices.Max(s.first)
	}
	sorted := slices.Sorted(slices.Values(times))
	return Timing{
		Steps: steps, Min: lo, Max: hi,
		Median: stat.Quantile(sorted, 0.5), P10: stat.Quantile(sorted, 0.1), P90: stat.Quantile(sorted, 0.9),
	}
}
