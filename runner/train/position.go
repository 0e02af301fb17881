package train

import "time"

// Position is the progress of a run. A loop that starts From the Position of another run continues as that one would have, even in
// the middle of an epoch.
type Position struct {
	Epochs int `json:"epochs"` // complete epochs
	Steps  int `json:"steps"`  // all steps, including those of the current epoch

	// The progress of the current epoch; all zero between two epochs.
	StepInEpoch int           `json:"step_in_epoch"`
	LossSum     float64       `json:"loss_sum"` // of these steps, summed in order
	Images      int           `json:"images"`
	Elapsed     time.Duration `json:"elapsed"`
}

// meanLoss is the mean over the steps of the current epoch, 0 before the first.
func (p Position) meanLoss() float64 {
	if p.StepInEpoch == 0 {
		return 0
	}
	return p.LossSum / float64(p.StepInEpoch)
}
