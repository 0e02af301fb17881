package summary

import (
	"maps"
	"slices"

	"dtl-tf/runner/internal/stat"
	"dtl-tf/runner/internal/suite"
)

// Keys of the averages, beside the tasks' folder names and the groups' keys.
const (
	MeanOfGroups = "mean_of_groups" // mean of the three groups' means, as papers of this field print it
	MeanOf19     = "mean_of_19"     // mean of the 19 tasks
)

// Score is an accuracy over seeds, in percent.
type Score struct {
	Mean  float64            `json:"mean"`
	Std   *float64           `json:"std,omitempty"`   // sample standard deviation; nil for a single seed
	Seeds map[uint64]float64 `json:"seeds,omitempty"` // the value of each seed; nil for quoted scores
}

func scoreOf(seeds map[uint64]float64) Score {
	values := slices.Sorted(maps.Values(seeds)) // the order of a map would change the last digit of a sum
	s := Score{Mean: stat.Mean(values), Seeds: seeds}
	if len(values) > 1 {
		std := stat.Deviation(values)
		s.Std = &std
	}
	return s
}

// average is a column that is computed from tasks.
type average struct {
	key   string
	tasks []string
	of    func(top1 map[string]float64) float64 // requires a value of each task
}

func averages() (list []average) {
	for _, g := range suite.Groups() {
		list = append(list, average{groupKey(g.Name), g.Tasks, meanOf(g.Tasks)})
	}
	ofGroups := func(top1 map[string]float64) float64 {
		mean, _ := suite.MeanOfGroups(top1)
		return mean
	}
	all := suite.Folders()
	return append(list, average{MeanOfGroups, all, ofGroups}, average{MeanOf19, all, meanOf(all)})
}

func meanOf(tasks []string) func(map[string]float64) float64 {
	return func(top1 map[string]float64) float64 {
		var values []float64
		for _, t := range tasks {
			values = append(values, top1[t])
		}
		return stat.Mean(values)
	}
}

// over averages the scores of a row; ok is false if a task has none. The mean is that of the tasks' means. It has values by seed
// and a deviation only if all tasks were run with the same seeds, because its deviation is the spread of the average from seed to
// seed.
func (a average) over(scores map[string]Score) (s Score, ok bool) {
	means := map[string]float64{}
	bySeed := map[uint64]map[string]float64{}
	for _, task := range a.tasks {
		s, ok := scores[task]
		if !ok {
			return Score{}, false
		}
		means[task] = s.Mean
		for seed, top1 := range s.Seeds {
			if bySeed[seed] == nil {
				bySeed[seed] = map[string]float64{}
			}
			bySeed[seed][task] = top1
		}
	}
	s = Score{Mean: a.of(means)}
	values := map[uint64]float64{}
	for seed, top1 := range bySeed {
		if len(top1) < len(a.tasks) {
			return s, true
		}
		values[seed] = a.of(top1)
	}
	if len(values) > 0 {
		mean := s.Mean
		s = scoreOf(values)
		s.Mean = mean
	}
	return s, true
}
