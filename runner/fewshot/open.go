package fewshot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/spell"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/files"
)

// AllSets selects the five data sets of the experiment.
const AllSets = "all"

// open finds the data sets. It draws the lists of class folders, which it returns alone.
func (p *plan) open(note runner.NoteFunc) (list []source, err error) {
	splits := p.Splits
	if official := filepath.Join(p.Data, splitFolder); splits == "" && isFolder(official) {
		splits = official
	}
	if splits == "" {
		s, err := p.openFolders(note)
		return []source{s}, err
	}
	names, err := selectSets(p.Sets, splits)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		s, err := p.openSet(splits, name)
		if err != nil {
			return nil, err
		}
		notes, err := p.check(s)
		if err != nil {
			return nil, err
		}
		runner.NoteAll(notes, note)
		s.origin = s.originOf(notes)
		list = append(list, s)
	}
	return list, nil
}

// selectSets parses a list of data sets by folder, name or alias; AllSets is the five of the experiment, and "" those with lists.
func selectSets(text, splits string) (names []string, err error) {
	entries, err := os.ReadDir(splits)
	if err != nil {
		return nil, runner.Usagef("--splits: %w", err)
	}
	var present []string
	for _, e := range entries {
		if !files.Hidden(e.Name()) && isFolder(filepath.Join(splits, e.Name(), annotations)) {
			present = append(present, e.Name())
		}
	}
	if len(present) == 0 {
		return nil, fmt.Errorf("%s has no lists: looked for SET/%s/%s", splits, annotations, valList)
	}
	switch text {
	case "":
		return present, nil
	case AllSets:
		for _, s := range Sets() {
			names = append(names, s.Folder)
		}
		return names, nil
	}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		folder := name
		if !slices.Contains(present, name) {
			known, ok := Known(name)
			if !ok {
				return nil, unknownSet(name, present)
			}
			folder = known.Folder
		}
		if !slices.Contains(names, folder) {
			names = append(names, folder)
		}
	}
	return names, nil
}

func unknownSet(name string, present []string) error {
	known := slices.Clone(present)
	for _, s := range Sets() {
		known = append(append(known, s.Folder), s.Aliases...)
	}
	return runner.Usagef("--sets: %q is unknown%s; the experiment has %s, and there are lists of %s",
		name, spell.DidYouMean(strings.ToLower(name), known), strings.Join(folders(), ", "), spell.Few(present, maxNames))
}

func folders() (names []string) {
	for _, s := range Sets() {
		names = append(names, s.Folder)
	}
	return names
}

// openSet finds the lists and pictures of a data set in the official layout, or of one whose lists were drawn by an earlier call.
func (p *plan) openSet(splits, name string) (s source, err error) {
	s = source{Set: Set{Folder: name}, lists: filepath.Join(splits, name, annotations), images: filepath.Join(p.Data, name)}
	if !isFolder(s.lists) {
		return s, fmt.Errorf("there are no lists of %s: %s is missing", name, s.lists)
	}
	d, err := readDrawing(s.lists)
	switch {
	case err == nil:
		s.Classes, s.names = len(d.Classes), d.Classes
		if !isFolder(s.images) { // the lists are not beside the pictures
			s.images = p.Data
		}
		return s, nil
	case !errors.Is(err, fs.ErrNotExist):
		return s, err
	}
	if known, ok := Known(name); ok && known.Folder == name {
		s.Set = known
		return s, nil
	}
	s.Classes, err = classesIn(s.path(testList))
	return s, err
}

// classesIn returns the number of classes that a list has.
func classesIn(path string) (classes int, err error) {
	content, err := limit.ReadFile(path, data.MaxListBytes)
	if err != nil {
		return 0, fmt.Errorf("read list: %w", err)
	}
	for l := range data.Lines("", content, 0) {
		if l.Err != nil {
			return 0, fmt.Errorf("%s line %d: %w", path, l.Number, l.Err)
		}
		classes = max(classes, l.Item.Label+1)
	}
	return classes, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
