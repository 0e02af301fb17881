package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph/tensor"
	"dtl-tf/runner/fault"
	"dtl-tf/runner/result"
)

// keep is the number of checkpoints that stay.
const keep = 2

// A checkpoint's name is that of the step it was made after, so that the last is the newest.
const prefix, suffix = "checkpoint-", ".safetensors"

// ErrNone says that a folder has no checkpoint.
var ErrNone = errors.New("there is no checkpoint")

// Store is the checkpoints in a folder. Only the holder of the folder's lock may write.
type Store struct {
	folder string
	good   []string // names that are known to be whole, oldest first
}

// NewStore is the store in a folder. It touches nothing.
func NewStore(folder string) *Store { return &Store{folder: folder} }

// Checkpoint is one that has been read.
type Checkpoint struct {
	State
	Path    string
	Tensors tensor.Map
	Damaged []error // why newer ones could not be read, the newest first
}

// DamagedError says that there are checkpoints and none of them can be read. They are still there.
type DamagedError struct {
	Folder  string
	Reasons []error // the newest first
}

// Error implements error.
func (e *DamagedError) Error() string {
	var texts []string
	for _, r := range e.Reasons {
		texts = append(texts, r.Error())
	}
	return fmt.Sprintf("%s: none of its checkpoints can be read, so there is nothing to resume from (start again with --overwrite): %s",
		e.Folder, strings.Join(texts, "; "))
}

// Unwrap implements the errors package's protocol.
func (e *DamagedError) Unwrap() []error { return e.Reasons }

// Newest reads the newest checkpoint that is whole. The error is ErrNone where there is none at all and a *DamagedError where
// none can be read. One that may be whole, because another version of the program wrote it or because the disk fails, is never passed
// over: the run would go on from an older one, and remove it.
func (s *Store) Newest() (*Checkpoint, error) {
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: %w", s.folder, ErrNone)
	}
	var damaged []error
	for _, name := range slices.Backward(names) {
		path := filepath.Join(s.folder, name)
		state, tensors, err := Read(path)
		if mayBeWhole(err) {
			return nil, fmt.Errorf("%w (nothing was removed; to go on from the checkpoint before it, move the file away)", err)
		}
		if err != nil {
			damaged = append(damaged, err)
			continue
		}
		s.good = []string{name}
		return &Checkpoint{State: state, Path: path, Tensors: tensors, Damaged: damaged}, nil
	}
	return nil, &DamagedError{Folder: s.folder, Reasons: damaged}
}

// mayBeWhole tells whether an error says nothing about the checkpoint's content.
func mayBeWhole(err error) bool {
	var foreign *result.ForeignError
	var system *fs.PathError
	return errors.As(err, &foreign) || errors.As(err, &system)
}

// Write adds a checkpoint and then removes all but it and the whole one before, damaged ones included. When it fails, those
// that were there still are.
func (s *Store) Write(state State, tensors tensor.Map) error {
	name := fmt.Sprintf("%s%09d%s", prefix, state.Position.Steps, suffix)
	if err := write(filepath.Join(s.folder, name), state, tensors); err != nil {
		return err
	}
	s.good = append(slices.DeleteFunc(s.good, func(g string) bool { return g == name }), name)
	s.good = s.good[max(0, len(s.good)-keep):]
	return s.remove(func(name string) bool { return !slices.Contains(s.good, name) })
}

// Tidy removes what a process was killed before it could: all that is older than the checkpoint that Newest has read and the one
// before that.
func (s *Store) Tidy() error {
	names, err := s.names()
	if err != nil || len(s.good) == 0 {
		return err
	}
	newest := slices.Index(names, s.good[len(s.good)-1])
	old := names[:max(0, newest+1-keep)]
	return s.remove(func(name string) bool { return slices.Contains(old, name) })
}

// remove removes the checkpoints that the function picks.
func (s *Store) remove(picks func(name string) bool) error {
	names, err := s.names()
	if err != nil {
		return err
	}
	for _, old := range names {
		if !picks(old) {
			continue
		}
		if err := os.Remove(filepath.Join(s.folder, old)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing an old checkpoint: %w", err)
		}
		fault.Point("removed an old checkpoint")
	}
	return nil
}

// Any tells whether the folder has a checkpoint, whole or not. A folder that is not there has none.
func (s *Store) Any() (bool, error) {
	names, err := s.names()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return len(names) > 0, err
}

// names lists the checkpoints, oldest first.
func (s *Store) names() ([]string, error) {
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return nil, fmt.Errorf("looking for checkpoints: %w", err)
	}
	steps := map[string]int{}
	var names []string
	for _, e := range entries {
		number, isOurs := strings.CutPrefix(e.Name(), prefix)
		number, ends := strings.CutSuffix(number, suffix)
		if n, err := strconv.Atoi(number); isOurs && ends && err == nil && n >= 0 && !e.IsDir() {
			steps[e.Name()] = n
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int { return steps[a] - steps[b] })
	return names, nil
}
