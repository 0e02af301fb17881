package summary

import (
	"maps"
	"slices"

	"dtl-tf/runner/suite"
	"dtl-tf/runner/vtab"
)

// Keys of the averages, beside the tasks' folder names and the groups' keys.
const (
	MeanOfGroups = "mean_of_groups" // mean of the three groups' means, as the papers of this line print it
	MeanOf19     = "mean_of_19"     // mean of the 19 tasks
)

// Score is an accuracy over seeds, in percent.
type Score struct {
	Mean  float64            `json:"mean"`
	Std   *float64           `json:"std,omitempty"`   // of the sample; nil for a single seed
	Seeds map[uint64]float64 `json:"seeds,omitempty"` // the value of each seed; nil for what is quoted
}

// scoreOf sums up the values of seeds.
func scoreOf(seeds map[uint64]float64) Score {
	values := slices.Collect(maps.Values(seeds))
	slices.Sort(values) // a sum must not depend on the order of a map
	s := Score{Mean: vtab.Mean(values), Seeds: seeds}
	if len(values) > 1 {
		std := vtab.Deviation(values)
		s.Std = &std
	}
	return s
}

// average is one of the columns that are computed from tasks.
type average struct {
	key   string
	tasks []string
	of    func(top1 map[string]float64) float64 // all its tasks have a value
}

func averages() []average {
	var list []average
	for _, g := range suite.Groups() {
		list = append(list, average{groupKey(g.Name), g.Tasks, meanOf(g.Tasks)})
	}
	groups := func(top1 map[string]float64) float64 {
		m, _ := suite.MeanOfGroups(top1)
		return m
	}
	all := suite.Folders()
	return append(list, average{MeanOfGroups, all, groups}, average{MeanOf19, all, meanOf(all)})
}

func meanOf(tasks []string) func(map[string]float64) float64 {
	return func(top1 map[string]float64) float64 {
		var values []float64
		for _, t := range tasks {
			values = append(values, top1[t])
		}
		return vtab.Mean(values)
	}
}

// over is the average of a row's scores, or false if one of its tasks has none. The mean is that of the tasks' means. It has
// values by seed, and a deviation, only where every task was run with the same seeds: the spread is that of the
// average from seed to seed, not a mixture of the tasks'.
func (a average) over(scores map[string]Score) (Score, bool) {
	means := map[string]float64{}
	var seeds []uint64
	same := true
	for i, task := range a.tasks {
		s, ok := scores[task]
		if !ok {
			return Score{}, false
		}
		means[task] = s.Mean
		its := slices.Sorted(maps.Keys(s.Seeds))
		if i == 0 {
			seeds = its
		}
		same = same && slices.Equal(its, seeds)
	}
	if !same || len(seeds) == 0 {
		return Score{Mean: a.of(means)}, true
	}
	values := map[uint64]float64{}
	for _, seed := range seeds {
		at := map[string]float64{}
		for _, task := range a.tasks {
			at[task] = scores[task].Seeds[seed]
		}
		values[seed] = a.of(at)
	}
	s := scoreOf(values)
	s.Mean = a.of(means)
	return s, true
}
