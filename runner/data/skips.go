package data

import "sync"

// Skips counts the images that could not be read and notes each once. It is safe for concurrent use.
type Skips struct {
	Note  func(format string, args ...any)
	paths sync.Map
}

// Add counts and notes an image that could not be read, the first time it is added.
func (s *Skips) Add(item Item, err error) {
	if _, known := s.paths.LoadOrStore(item.Path, true); !known {
		s.Note("skipped: %v", err)
	}
}

// Know counts images that an earlier process skipped, without a note.
func (s *Skips) Know(items []Item) {
	for _, item := range items {
		s.paths.Store(item.Path, true)
	}
}

// Count is the number of skipped images.
func (s *Skips) Count() (n int) {
	for range s.paths.Range {
		n++
	}
	return n
}
