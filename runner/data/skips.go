package data

import "sync"

// Skips counts the images that could not be read and notes each once. It is safe for concurrent use.
type Skips struct {
	Note func(format string, args ...any)

	mu    sync.Mutex
	paths map[string]bool
}

// Add counts and notes an image that could not be read, the first time it is added.
func (s *Skips) Add(item Item, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.paths[item.Path] {
		s.know(item)
		s.Note("skipped: %v", err)
	}
}

// Know counts images that an earlier process skipped, without a note.
func (s *Skips) Know(items []Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.know(items...)
}

func (s *Skips) know(items ...Item) {
	if s.paths == nil {
		s.paths = map[string]bool{}
	}
	for _, item := range items {
		s.paths[item.Path] = true
	}
}

// Count is the number of skipped images.
func (s *Skips) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.paths)
}
