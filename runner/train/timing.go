package train

import (
	"math"
	"slices"
)

const (
	// warmupSteps are left out of the figures: the first steps pay for memory that later ones
	// reuse and for TensorFlow's choice of kernels.
	warmupSteps = 5
	// timingLimit bounds the list of step times. When it is full every second one is
	// dropped, so the rest still covers the whole run evenly.
	timingLimit = 4096
)

// Timing sums up the seconds of the steps of a run, the first few left out. All zero when no
// step was done.
type Timing struct {
	Steps            int // steps the figures stand on
	Median, Min, Max float64
	P10, P90         float64 // spread: tenth and ninetieth percentile
}

// stopwatch collects step times in bounded memory.
type stopwatch struct {
	first    []float64 // the warm-up, used only if nothing else came
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
		if len(s.kept) == timingLimit {
			for i := range timingLimit / 2 {
				s.kept[i] = s.kept[2*i]
			}
			s.kept = s.kept[:timingLimit/2]
			s.stride *= 2
		}
		s.kept = append(s.kept, seconds)
	}
	s.seen++
}

func (s *stopwatch) timing() Timing {
	if s.seen == 0 {
		if len(s.first) == 0 {
			return Timing{}
		}
		sorted := slices.Sorted(slices.Values(s.first))
		return summary(sorted, len(sorted), sorted[0], sorted[len(sorted)-1])
	}
	return summary(slices.Sorted(slices.Values(s.kept)), s.seen, s.min, s.max)
}

func summary(sorted []float64, steps int, lo, hi float64) Timing {
	return Timing{
		Steps: steps, Min: lo, Max: hi,
		Median: quantile(sorted, 0.5), P10: quantile(sorted, 0.1), P90: quantile(sorted, 0.9),
	}
}

// quantile interpolates linearly between the neighbours, as numpy.quantile does by default.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(math.Floor(at))
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
