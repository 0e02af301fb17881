package train

import "time"

// Position is how far a run has come. A loop that starts From the Position of another goes on as that one
// would have, be it in the middle of an epoch.
type Position struct {
	Epochs int `json:"epochs"` // complete ones
	Steps  int `json:"steps"`  // since the very first epoch, those of the epoch under way included

	// What was done in the epoch under way; all zero between two epochs.
	StepInEpoch int           `json:"step_in_epoch"`
	LossSum     float64       `json:"loss_sum"` // of these steps, added in their order
	Images      int           `json:"images"`
	Elapsed     time.Duration `json:"elapsed"`
}

// meanLoss is the mean over the steps of the epoch under way, 0 before the first.
func (p Position) meanLoss() float64 {
	if p.StepInEpoch == 0 {
		return 0
	}
	return p.LossSum / float64(p.StepInEpoch)
}
