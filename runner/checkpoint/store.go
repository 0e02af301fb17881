// Package checkpoint stores the last two states of a run, each in a file with a checksum. It does not know what the tensors mean.
//
// A file gets its name only when it is complete (result.WriteFile), and older ones are removed only after that. So from the first
// checkpoint on there is always at least one intact file.
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

// maxKept is the number of checkpoints that are kept.
const maxKept = 2

// The name of a checkpoint has its step between prefix and suffix.
const prefix, suffix = "checkpoint-", ".safetensors"

// ErrNone says that a folder has no checkpoint.
var ErrNone = errors.New("there is no checkpoint")

// Store is the checkpoints in a folder. Only the holder of the folder's lock may write.
type Store struct {
	folder string
	good   []string // names of checkpoints known to be intact, oldest first
}

// NewStore is the store in a folder. It does not access the disk.
func NewStore(folder string) *Store { return &Store{folder: folder} }

// Checkpoint is a checkpoint in memory.
type Checkpoint struct {
	State
	Path    string
	Tensors tensor.Map
	Damaged []error // why newer ones could not be read, newest first
}

// Newest reads the newest intact checkpoint. The error is ErrNone if the folder has no checkpoint. Newest does not pass over a
// checkpoint that may be intact, because another version of the program wrote it or because the disk fails: the run would
// continue from an older one and remove it.
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
		state, tensors, err := read(path)
		if mayBeIntact(err) {
			return nil, fmt.Errorf("%w (nothing was removed; to continue from the checkpoint before it, move the file away)", err)
		}
		if err != nil {
			damaged = append(damaged, err)
			continue
		}
		s.good = []string{name}
		return &Checkpoint{State: state, Path: path, Tensors: tensors, Damaged: damaged}, nil
	}
	reasons := damaged[0]
	for _, r := range damaged[1:] {
		reasons = fmt.Errorf("%w; %w", reasons, r)
	}
	return nil, fmt.Errorf("%s: none of its checkpoints can be read, so there is nothing to resume from (start again with --overwrite): %w", s.folder, reasons)
}

// mayBeIntact reports whether an error says nothing about the content of the checkpoint.
func mayBeIntact(err error) bool {
	var foreign *result.ForeignError
	var system *fs.PathError
	return errors.As(err, &foreign) || errors.As(err, &system)
}

// Write adds a checkpoint, and then removes all others but the intact one before it. If it fails, the others remain.
func (s *Store) Write(state State, tensors tensor.Map) error {
	name := fmt.Sprintf("%s%09d%s", prefix, state.Position.Steps, suffix)
	if err := write(filepath.Join(s.folder, name), state, tensors); err != nil {
		return err
	}
	s.good = append(slices.DeleteFunc(s.good, func(g string) bool { return g == name }), name)
	s.good = s.good[max(0, len(s.good)-maxKept):]
	names, err := s.names()
	if err != nil {
		return err
	}
	return s.remove(slices.DeleteFunc(names, func(name string) bool { return slices.Contains(s.good, name) }))
}

// Tidy removes the checkpoints that a killed process left: all but the one that Newest has read, the one before it, and newer ones.
func (s *Store) Tidy() error {
	names, err := s.names()
	if err != nil || len(s.good) == 0 {
		return err
	}
	newest := slices.Index(names, s.good[len(s.good)-1])
	return s.remove(names[:max(0, newest+1-maxKept)])
}

func (s *Store) remove(names []string) error {
	for _, name := range names {
		if err := os.Remove(filepath.Join(s.folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing an old checkpoint: %w", err)
		}
		fault.Point("removed an old checkpoint")
	}
	return nil
}

// Any reports whether the folder has a checkpoint, intact or not. A missing folder has none.
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
		number, hasPrefix := strings.CutPrefix(e.Name(), prefix)
		number, hasSuffix := strings.CutSuffix(number, suffix)
		if n, err := strconv.Atoi(number); hasPrefix && hasSuffix && err == nil && n >= 0 && !e.IsDir() {
			steps[e.Name()] = n
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int { return steps[a] - steps[b] })
	return names, nil
}
