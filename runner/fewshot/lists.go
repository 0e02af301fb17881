package fewshot

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/spell"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/origin"
)

// The official layout below the root of the data: the pictures ROOT/SET/NAME, and the lists, of lines "NAME LABEL",
// ROOT/few-shot_split/SET/annotations/.
const (
	splitFolder = "few-shot_split"
	annotations = "annotations"
	valList     = "val_meta.list"
	testList    = "test_meta.list"
)

// trainList is the name of the list with a number of training images of each class.
func trainList(shots int, seed uint64) string {
	return fmt.Sprintf("train_meta.list.num_shot_%d.seed_%d", shots, seed)
}

// source is a data set on the disk.
type source struct {
	Set
	lists  string   // folder of the lists
	images string   // folder that names in the lists are relative to
	names  []string // of the classes by label; nil if the lists are official
	origin string   // whether lists and pictures are official, for the record of a run
}

// originOf judges lists of others; notes are those of check. The experiment's official lists have no published fingerprints.
func (s source) originOf(notes []string) string {
	switch {
	case s.Test == 0:
		return origin.NotOfficial + ": a data set that is not in the experiment"
	case len(notes) > 0:
		return origin.NotOfficial + ": " + strings.Join(notes, "; ")
	}
	return origin.Unknown + ": the lists have the published sizes, but no fingerprints of official lists and pictures are published"
}

// drawn reports whether this program has drawn the lists, from class folders of the user.
func (s source) drawn() bool { return s.names != nil }

func (s source) path(list string) string { return filepath.Join(s.lists, list) }

// listsOf are the lists of a cell, with that of the validation images if they choose the weights.
func (s source) listsOf(shots int, seed uint64, best bool) data.Lists {
	lists := data.Lists{}
	add := func(split, name string) { lists[split] = data.List{File: s.path(name), Images: s.images} }
	add(data.Train, trainList(shots, seed))
	add(data.Test, testList)
	if best {
		add(data.Val, valList)
	}
	return lists
}

// check validates the lists that a sweep reads, without the images. notes name lists whose numbers are not the published ones.
func (p *plan) check(s source) (notes []string, err error) {
	if info, err := os.Stat(s.images); err != nil {
		return nil, fmt.Errorf("the pictures of %s: %w", s.Folder, err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("the pictures of %s: %s is a file, want a folder", s.Folder, s.images)
	}
	for _, n := range p.shots {
		for _, seed := range p.Choice.Seeds {
			if err := s.checkTrain(n, seed); err != nil {
				return nil, err
			}
		}
	}
	for _, l := range []struct {
		name      string
		published int
	}{{valList, s.Val}, {testList, s.Test}} {
		if l.name == valList && !p.best() {
			continue
		}
		counts, err := s.count(l.name)
		if err != nil {
			return nil, err
		}
		if n := sum(counts); l.published > 0 && n != l.published {
			notes = append(notes, fmt.Sprintf("%s has %d images, the published list %d", s.path(l.name), n, l.published))
		}
	}
	return notes, nil
}

// checkTrain validates a training list: it has the same number of images of each class.
func (s source) checkTrain(shots int, seed uint64) error {
	name := trainList(shots, seed)
	counts, err := s.count(name)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (%s)", err, s.available())
	}
	if err != nil {
		return err
	}
	for label, n := range counts {
		if n != shots {
			return fmt.Errorf("%s has %d of class %s, and a list of %d shots has as many of each class", s.path(name), n, s.className(label), shots)
		}
	}
	return nil
}

// count returns the number of images of each class in a list, which must have all of them, and each once.
func (s source) count(name string) ([]int, error) {
	path := s.path(name)
	content, err := limit.ReadFile(path, data.MaxListBytes)
	if err != nil {
		return nil, fmt.Errorf("read list: %w", err)
	}
	counts, first := make([]int, s.Classes), map[string]int{}
	for l := range data.Lines(s.images, content, s.Classes) {
		switch line, twice := first[l.Item.Name]; {
		case l.Blank:
			continue
		case l.Err != nil:
			return nil, fmt.Errorf("%s line %d: %w", path, l.Number, l.Err)
		case twice:
			return nil, fmt.Errorf("%s line %d: %s is in line %d already: remove one of the lines", path, l.Number, spell.Line(l.Item.Name), line)
		}
		first[l.Item.Name] = l.Number
		counts[l.Item.Label]++
	}
	if len(first) == 0 {
		return nil, fmt.Errorf("%s is empty: want lines like \"images/0001.jpg 3\"", path)
	}
	var missing []string
	for label, n := range counts {
		if n == 0 {
			missing = append(missing, s.className(label))
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%s lacks %d of the %d classes of %s: %s", path, len(missing), s.Classes, s.Folder, spell.Few(missing, maxNames))
	}
	return counts, nil
}

// maxNames is how many classes a message lists.
const maxNames = 8

func (s source) className(label int) string {
	if label < len(s.names) {
		return s.names[label]
	}
	return strconv.Itoa(label)
}

// available says which training lists there are.
func (s source) available() string {
	entries, err := os.ReadDir(s.lists)
	if err != nil {
		return err.Error()
	}
	shots, seeds := map[int]bool{}, map[uint64]bool{}
	for _, e := range entries {
		var n int
		var seed uint64
		if _, err := fmt.Sscanf(e.Name(), "train_meta.list.num_shot_%d.seed_%d", &n, &seed); err == nil && e.Name() == trainList(n, seed) {
			shots[n], seeds[seed] = true, true
		}
	}
	if len(shots) == 0 {
		return "there are no training lists in " + s.lists
	}
	return fmt.Sprintf("there are lists of %s shots with the split seeds %s", joined(shots), joined(seeds))
}

// joined lists numbers as "1, 2".
func joined[T int | uint64](set map[T]bool) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(slices.Sorted(maps.Keys(set))), " ", ", "), "[]")
}

func sum(counts []int) (total int) {
	for _, n := range counts {
		total += n
	}
	return total
}
