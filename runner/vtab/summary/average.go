package summary

import (
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/sweep"
)

// Keys of the averages, beside the tasks' folder names and the groups' keys.
const (
	MeanOfGroups = "mean_of_groups" // mean of the three groups' means, as papers of this field print it
	MeanOf19     = "mean_of_19"     // mean of the 19 tasks
)

// average is a column that is computed from tasks.
type average struct {
	key   string
	tasks []string
	of    func(top1 map[string]float64) float64 // requires a value of each task
}

func averages() (list []average) {
	for _, g := range suite.Groups() {
		list = append(list, average{groupKey(g.Name), g.Tasks, sweep.MeanOf(g.Tasks)})
	}
	ofGroups := func(top1 map[string]float64) float64 {
		mean, _ := suite.MeanOfGroups(top1)
		return mean
	}
	all := suite.Folders()
	return append(list, average{MeanOfGroups, all, ofGroups}, average{MeanOf19, all, sweep.MeanOf(all)})
}

// over averages the scores of a row; ok is false if a task has none.
func (a average) over(scores map[string]sweep.Score) (s sweep.Score, ok bool) {
	return sweep.Average(a.tasks, scores, a.of)
}
