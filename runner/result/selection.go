package result

import "dtl-tf/runner/train"

// Selection says with the weights of which epoch a run ends: of those after which it looked at the validation images, the one with
// the best accuracy, or mean average precision with --loss bce, and the first of equals.
type Selection struct {
	Split   string       `json:"split"` // of the validation images
	Images  int          `json:"images"`
	Looks   []train.Look `json:"looks"`                   // in the order of their epochs
	Chosen  int          `json:"chosen_epoch,omitempty"`  // 0 before the first look
	Stopped bool         `json:"stopped_early,omitempty"` // training ended because the best look had become old
}

// Add adds a look, and reports whether it is the best so far.
func (s *Selection) Add(l train.Look) bool {
	s.Looks = append(s.Looks, l)
	best := l.Score() > s.Best().Score() || len(s.Looks) == 1
	if best {
		s.Chosen = l.Epoch
	}
	return best
}

// Best returns the look after the chosen epoch, the zero Look before the first.
func (s *Selection) Best() train.Look {
	for _, l := range s.Looks {
		if l.Epoch == s.Chosen {
			return l
		}
	}
	return train.Look{}
}

// Age is the number of looks after the best.
func (s *Selection) Age() (n int) {
	for _, l := range s.Looks {
		if l.Epoch > s.Chosen {
			n++
		}
	}
	return n
}
