package train

import (
	"fmt"
	"math"
	"strings"
)

// Names of the schedules.
const (
	Cosine   = "cosine"
	Constant = "constant"
)

// The paper's schedule: its first and last rates from the official code's arguments (--warmup-lr 1e-7, --min-lr 1e-8), and the
// epochs of both its warm-up and its cool-down.
const (
	warmupStart  = 1e-7
	minRate      = 1e-8
	marginEpochs = 10
)

// DefaultEpochs is the paper's: 100 epochs of cosine and 10 of cool-down. The official code's "--epochs 100" means the same,
// because it does not count the cool-down.
const DefaultEpochs = 110

// Schedule sets the learning rate of each epoch. As in the official code, the rate does not change within an epoch.
type Schedule struct {
	Name     string
	Epochs   int     // all epochs of the run, including warm-up and cool-down
	Peak     float64 // the rate that the user sets
	Warmup   int     // epochs of linear warm-up at the start; 0 for a constant rate
	Cooldown int     // epochs at the minimum rate at the end; 0 for a constant rate
}

// ScheduleNames lists what NewSchedule accepts.
func ScheduleNames() []string { return []string{Cosine, Constant} }

// NewSchedule makes the schedule of a run.
//
// Cosine is the paper's: linear warm-up, half a cosine, then a cool-down at the minimum rate. Warm-up and cool-down take ten epochs
// each of 110 or more, and an eleventh of a shorter run, rounded down: runs of fewer than 11 epochs spend none on rates near zero.
// Constant keeps the peak rate throughout.
func NewSchedule(name string, epochs int, peak float64) (Schedule, error) {
	if epochs < 1 {
		return Schedule{}, fmt.Errorf("epochs: %d is too few, want at least 1", epochs)
	}
	if !(peak > 0) || math.IsInf(peak, 0) {
		return Schedule{}, fmt.Errorf("learning rate: %v is not a positive number", peak)
	}
	s := Schedule{Name: name, Epochs: epochs, Peak: peak}
	switch name {
	case Cosine:
		s.Warmup = min(marginEpochs, epochs/(DefaultEpochs/marginEpochs))
		s.Cooldown = s.Warmup
	case Constant:
	default:
		return Schedule{}, fmt.Errorf("schedule: %q is unknown, use one of %s", name, strings.Join(ScheduleNames(), ", "))
	}
	return s, nil
}

// Rate is the learning rate of an epoch, counted from 1.
//
// As in the published runs, the cosine starts at the first epoch and the warm-up replaces its beginning (timm's
// warmup_prefix=False): the first rate after ten epochs of warm-up is 0.9755 of the peak.
func (s Schedule) Rate(epoch int) float64 {
	if s.Name == Constant {
		return s.Peak
	}
	t := float64(epoch - 1)
	cosine := s.Epochs - s.Cooldown
	switch {
	case epoch <= s.Warmup:
		return warmupStart + t*(s.Peak-warmupStart)/float64(s.Warmup)
	case epoch > cosine:
		return minRate
	default:
		return minRate + (s.Peak-minRate)*(1+math.Cos(math.Pi*t/float64(cosine)))/2
	}
}
