package tabulate

import (
	"fmt"

	"dtl-tf/runner/internal/published"
	"dtl-tf/runner/report"
)

// Trainings returns notes on how the cells of each method were trained. settings describes the settings of a cell, and name is the cell
// among those of its method.
func Trainings[S Source](cells []S, settings, name func(S) string) (notes []string) {
	for _, method := range Methods(cells) {
		var mine []S
		for _, c := range cells {
			f := c.File()
			if f.Method != method || f.Usable() != nil {
				continue
			}
			mine = append(mine, c)
			if n := f.Run.Data.Skipped; n > 0 {
				notes = append(notes, fmt.Sprintf("%s: %s left out.", f.Key, report.Count(n, "unreadable image")))
			}
		}
		alike := GroupAlike(mine, settings, name)
		if common, ok := alike.Common(); ok {
			notes = append(notes, fmt.Sprintf("%s: trained with %s.", published.Of(method).Name, common))
		} else if len(alike) > 0 {
			notes = append(notes, TrainedDifferently(published.Of(method).Name, alike))
		}
	}
	return notes
}

// TrainedDifferently is the note on a method whose cells have different settings.
func TrainedDifferently(method string, settings Alike) string {
	return fmt.Sprintf("%s: its cells were trained differently: %s.", method, settings)
}
