package sweep

import (
	"fmt"
	"maps"
	"slices"

	"dtl-tf/runner/internal/stat"
)

// Score is an accuracy over seeds, in percent.
type Score struct {
	Mean  float64            `json:"mean"`
	Std   *float64           `json:"std,omitempty"`   // sample standard deviation; nil for a single seed
	Seeds map[uint64]float64 `json:"seeds,omitempty"` // the value of each seed; nil for quoted scores
}

// String formats 61.3 ±0.4.
func (s Score) String() string {
	text := fmt.Sprintf("%.1f", s.Mean)
	if s.Std != nil {
		text += fmt.Sprintf(" ±%.1f", *s.Std)
	}
	return text
}

// ScoreOf returns the score of values by seed.
func ScoreOf(seeds map[uint64]float64) Score {
	values := slices.Sorted(maps.Values(seeds)) // the order of a map would change the last digit of a sum
	s := Score{Mean: stat.Mean(values), Seeds: seeds}
	if len(values) > 1 {
		std := stat.Deviation(values)
		s.Std = &std
	}
	return s
}

// Average averages scores by name, such as those of the tasks of a group. of computes the average from a value of each name. ok is
// false if a name has no score. The mean is that of the names' means. The average has values by seed and a deviation only if all
// names were run with the same seeds, because its deviation is the spread of the average from seed to seed.
func Average(names []string, scores map[string]Score, of func(values map[string]float64) float64) (s Score, ok bool) {
	means := map[string]float64{}
	bySeed := map[uint64]map[string]float64{}
	for _, name := range names {
		s, ok := scores[name]
		if !ok {
			return Score{}, false
		}
		means[name] = s.Mean
		for seed, value := range s.Seeds {
			if bySeed[seed] == nil {
				bySeed[seed] = map[string]float64{}
			}
			bySeed[seed][name] = value
		}
	}
	s = Score{Mean: of(means)}
	values := map[uint64]float64{}
	for seed, value := range bySeed {
		if len(value) < len(names) {
			return s, true
		}
		values[seed] = of(value)
	}
	if len(values) > 0 {
		mean := s.Mean
		s = ScoreOf(values)
		s.Mean = mean
	}
	return s, true
}

// MeanOf returns the mean of the values of some names, for Average.
func MeanOf(names []string) func(map[string]float64) float64 {
	return func(values map[string]float64) float64 {
		var list []float64
		for _, name := range names {
			list = append(list, values[name])
		}
		return stat.Mean(list)
	}
}
