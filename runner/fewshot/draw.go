package fewshot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/spell"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/origin"
	"dtl-tf/runner/result"
)

// The shares of a class that are drawn for training, validation and test: 50, 20 and 30 percent, as CoOp's authors split data sets
// without official splits, Flowers-102 and Food-101 among them. A small class gives more to training if the shots need it.
const (
	trainShare = 0.5
	valShare   = 0.4 // of what is not for training
)

// drawnFile records how lists were drawn, beside them.
const drawnFile = "drawn.json"

// drawing is the content of drawnFile. Seed, Least and the images decide all lists.
type drawing struct {
	Data    string   `json:"data"` // the folder with the class folders
	Images  int      `json:"images"`
	Names   string   `json:"names_sha256"` // of the images' names, a line each
	Seed    uint64   `json:"seed"`
	Least   int      `json:"least_training_images"` // of each class
	Classes []string `json:"classes"`               // by label
}

func readDrawing(folder string) (d drawing, err error) {
	path := filepath.Join(folder, drawnFile)
	b, err := limit.ReadFile(path, limit.Text)
	if err != nil {
		return d, err
	}
	if err := result.Decode(b, &d); err != nil {
		return d, fmt.Errorf("%s: %w", path, err)
	}
	if len(d.Classes) == 0 || d.Least < 1 {
		return d, fmt.Errorf("%s: not the record of a drawing", path)
	}
	return d, nil
}

// openFolders draws lists for a folder of class folders, and writes those that are missing to the folder of results.
func (p *plan) openFolders(note runner.NoteFunc) (s source, err error) {
	root, err := filepath.Abs(p.Data)
	if err != nil {
		return s, err
	}
	s = source{Set: Set{Folder: filepath.Base(root)}, images: p.Data}
	s.lists = filepath.Join(p.Out, splitFolder, s.Folder, annotations)
	if p.Sets != "" && p.Sets != s.Folder {
		return s, runner.Usagef("--sets %s: %s has no folder %s, so its class folders are one data set, %s", p.Sets, p.Data, splitFolder, s.Folder)
	}
	if out, err := filepath.Abs(p.Out); err == nil {
		if inside, err := filepath.Rel(root, out); err == nil && filepath.IsLocal(inside) {
			return s, runner.Usagef("--out %s is in --data %s, where it would be a class: choose a folder elsewhere", p.Out, p.Data)
		}
	}
	set, err := data.Open(p.Data)
	if err != nil {
		return s, fmt.Errorf("%w; few-shot data has %s/ and a folder of pictures for each set, or is a folder of class folders", err, splitFolder)
	}
	if set.Layout != data.LayoutFolders || slices.Contains(set.Splits(), data.Test) || slices.Contains(set.Splits(), data.Val) {
		return s, runner.Usagef("--data %s has splits already, and class folders are drawn into new ones: name a folder of CLASS/IMAGE", p.Data)
	}
	runner.NoteAll(set.Notes, note)
	items, err := set.Split(data.Train)
	if err != nil {
		return s, err
	}
	s.Classes, s.names = set.Classes, set.ClassNames
	d, err := p.drawing(s, items, root)
	if err != nil {
		return s, err
	}
	lists, err := d.draw(items)
	if err != nil {
		return s, err
	}
	if err := p.write(s, lists); err != nil {
		return s, err
	}
	note("%s: lists drawn with seed %d are in %s: of %d images %d for validation, %d for test, and the others to draw training images from",
		s.Folder, d.Seed, s.lists, len(items), len(lists.val), len(lists.test))
	if d.Seed != p.Seed {
		note("--seed %d is that of the training only: the lists were drawn before", p.Seed)
	}
	s.origin = fmt.Sprintf("%s: the lists were drawn from class folders with seed %d", origin.NotOfficial, d.Seed)
	_, err = p.check(s)
	return s, err
}

// drawing returns how the lists are or were drawn. It writes the record of a new drawing.
func (p *plan) drawing(s source, items []data.Item, root string) (d drawing, err error) {
	h := sha256.New()
	for _, item := range items {
		if item.Name != strings.TrimSpace(item.Name) || strings.ContainsAny(item.Name, "\r\n") {
			return d, fmt.Errorf("%s can't be in a list, whose lines end after the label: rename it", spell.Line(item.Path))
		}
		fmt.Fprintln(h, item.Name)
	}
	names := hex.EncodeToString(h.Sum(nil))
	d, err = readDrawing(s.lists)
	switch {
	case err == nil && d.Names != names:
		return d, fmt.Errorf("%s: the lists were drawn from other images (%d then, %d now): choose another --out, or remove the folder to draw again", s.lists, d.Images, len(items))
	case err == nil || !errors.Is(err, fs.ErrNotExist):
		return d, err
	}
	d = drawing{Data: root, Images: len(items), Names: names, Seed: p.Seed, Least: slices.Max(p.shots), Classes: s.names}
	if _, err := d.draw(items); err != nil { // nothing is written for a drawing that is not possible
		return d, err
	}
	if err := os.MkdirAll(s.lists, 0o777); err != nil {
		return d, fmt.Errorf("lists: %w", err)
	}
	return d, result.WriteJSON(filepath.Join(s.lists, drawnFile), d)
}

// drawn holds the images of a drawing: validation, test, and the rest of each class.
type drawn struct {
	drawing
	val, test []data.Item
	rest      [][]data.Item // by label
}

// draw divides the images of each class.
func (d drawing) draw(items []data.Item) (l drawn, err error) {
	l = drawn{drawing: d, rest: make([][]data.Item, len(d.Classes))}
	byClass := make([][]data.Item, len(d.Classes))
	for _, item := range items {
		byClass[item.Label] = append(byClass[item.Label], item)
	}
	for label, class := range byClass {
		train := max(d.Least, int(math.Ceil(trainShare*float64(len(class)))))
		if held := len(class) - train; held < 2 {
			return l, runner.Usagef("--shots %d is too many: class %s has %d images, and %d shots need %d, one for validation and one for test among them; %d are possible",
				d.Least, spell.Line(d.Classes[label]), len(class), d.Least, d.Least+2, max(0, l.most(byClass)))
		}
		order := shuffled(class, d.Seed, "held", label)
		val := max(1, int(math.Round(valShare*float64(len(class)-train))))
		l.rest[label] = order[:train]
		l.val = append(l.val, order[train:train+val]...)
		l.test = append(l.test, order[train+val:]...)
	}
	return l, nil
}

// most is the number of shots that the smallest class allows.
func (drawn) most(classes [][]data.Item) int {
	least := math.MaxInt
	for _, class := range classes {
		least = min(least, len(class))
	}
	return least - 2
}

// train draws the training images of a split. Those of fewer shots are among those of more.
func (l drawn) train(shots int, seed uint64) (items []data.Item, err error) {
	for label, rest := range l.rest {
		if len(rest) < shots {
			return nil, runner.Usagef("--shots %d is too many: class %s has %d images to draw from besides those for validation and test; choose another --out to draw again",
				shots, spell.Line(l.Classes[label]), len(rest))
		}
		items = append(items, shuffled(rest, l.Seed, fmt.Sprint("split ", seed), label)[:shots]...)
	}
	return items, nil
}

// write writes the lists of a sweep that are missing.
func (p *plan) write(s source, l drawn) error {
	lists := map[string][]data.Item{valList: l.val, testList: l.test}
	for _, shots := range p.shots {
		for _, seed := range p.Choice.Seeds {
			items, err := l.train(shots, seed)
			if err != nil {
				return err
			}
			lists[trainList(shots, seed)] = items
		}
	}
	for name, items := range lists {
		path := s.path(name)
		if _, err := os.Lstat(path); err == nil {
			continue
		}
		if err := result.WriteFile(path, func(w io.Writer) error { return writeList(w, items) }); err != nil {
			return fmt.Errorf("lists: %w", err)
		}
	}
	return nil
}

func writeList(w io.Writer, items []data.Item) error {
	var b strings.Builder
	for _, item := range items {
		fmt.Fprintf(&b, "%s %d\n", item.Name, item.Label)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// shuffled returns the items in an order that the seed, the purpose and the label decide.
func shuffled(items []data.Item, seed uint64, purpose string, label int) []data.Item {
	h := fnv.New64a()
	_ = json.NewEncoder(h).Encode([]any{seed, purpose, label}) // writing to a hash does not fail
	random := rand.New(rand.NewPCG(h.Sum64(), seed))
	list := slices.Clone(items)
	random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}
