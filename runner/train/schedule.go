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

// The ends of the paper's schedule, from the official code's arguments (--warmup-lr 1e-7,
// --min-lr 1e-8), and the length of both its warm-up and its cool-down in epochs.
const (
	warmupStart = 1e-7
	minimumRate = 1e-8
	fullMargin  = 10
)

// DefaultEpochs is the paper's run: 100 epochs of cosine and 10 of cool-down. The official
// code's "--epochs 100" means the same; ours counts every epoch that is trained.
const DefaultEpochs = 110

// Schedule gives the learning rate of each epoch. It is set once an epoch, as in the official
// code, and never within one.
type Schedule struct {
	Name     string
	Epochs   int     // all epochs of the run, warm-up and cool-down included
	Peak     float64 // the rate the user asks for
	Warmup   int     // epochs of linear warm-up at the start; 0 for a constant rate
	Cooldown int     // epochs at the minimum rate at the end; 0 for a constant rate
}

// ScheduleNames lists what NewSchedule accepts.
func ScheduleNames() []string { return []string{Cosine, Constant} }

// NewSchedule makes the schedule of a run of the given number of epochs.
//
// Cosine is the paper's: linear warm-up, half a cosine, then a cool-down at the minimum rate.
// Warm-up and cool-down take ten epochs each of 110 or more, and an eleventh of a shorter run
// rounded down, so that a run of fewer than 11 epochs spends none of them on rates near zero.
// Constant keeps the peak rate throughout.
//
// It refuses an unknown name, fewer than one epoch, and a rate that is not a positive number.
func NewSchedule(name string, epochs int, peak float64) (Schedule, error) {
	if epochs < 1 {
		return Schedule{}, fmt.Errorf("epochs: %d is too few, at least 1 is needed", epochs)
	}
	if !(peak > 0) || math.IsInf(peak, 0) {
		return Schedule{}, fmt.Errorf("learning rate: %v is not a positive number", peak)
	}
	s := Schedule{Name: name, Epochs: epochs, Peak: peak}
	switch name {
	case Cosine:
		s.Warmup = min(fullMargin, epochs/(DefaultEpochs/fullMargin))
		s.Cooldown = s.Warmup
	case Constant:
	default:
		return Schedule{}, fmt.Errorf("schedule: %q is unknown, use one of %s", name, strings.Join(ScheduleNames(), ", "))
	}
	return s, nil
}

// Rate is the learning rate of an epoch, counted from 1.
//
// The cosine runs in t = epoch-1 from the first epoch on and the warm-up only hides its start
// (timm's warmup_prefix=False): after ten epochs of warm-up the first rate is 0.9755 of the
// peak, not the peak. That is what the published numbers were trained with.
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
		return minimumRate
	default:
		return minimumRate + (s.Peak-minimumRate)*(1+math.Cos(math.Pi*t/float64(cosine)))/2
	}
}
