package data

import "sync"

// Skips counts images that could not be read and says so once for each. Loaders call Add from their own goroutines.
type Skips struct {
	Note func(format string, args ...any)

	mu   sync.Mutex
	seen map[string]bool
}

// Add notes an image that could not be read, unless it has been noted already.
func (s *Skips) Add(item Item, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen[item.Path] {
		return
	}
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	s.seen[item.Path] = true
	s.Note("skipped: %v", err)
}

// Know marks images that were skipped before this process began.
func (s *Skips) Know(items []Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	for _, item := range items {
		s.seen[item.Path] = true
	}
}

// Count is the number of images that were skipped.
func (s *Skips) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}
