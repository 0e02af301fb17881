package prepare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/prepare/archive"
	"dtl-tf/runner/report"
)

// AllTasks is the value of Config.Task for which All is to be called.
const AllTasks = "all"

// The states of a task after All.
const (
	Made    = "made"
	Kept    = "kept" // it was there already
	Failed  = "failed"
	Missing = "missing" // its files are not there
)

// Outcome is what All did for one task.
type Outcome struct {
	Task   string
	State  string
	From   string  // where its files are; "" if they are missing
	Record *Record // of what was made or kept
	Note   string  // what went wrong or is missing

	set *authorSet // of which From has the files
}

// lone is a data set that is published as one archive, which is also recognised when it is unpacked.
type lone struct {
	files   []authorFile // any of them is enough
	folders []string     // names of the unpacked folder
}

// loneArchives has these data sets by TFDS name. Sizes are those that TFDS records.
var loneArchives = map[string]lone{
	"cifar100": {
		files:   []authorFile{{"cifar-100-binary.tar.gz", 168513733, ""}, {"cifar-100-python.tar.gz", 0, ""}},
		folders: []string{"cifar-100-binary", "cifar-100-python"},
	},
	"dsprites": {files: []authorFile{{spriteHDF5, 28024106, ""}, {spriteNPZ, 0, ""}, {"dsprites.npz", 0, ""}}},
	"eurosat":  {files: []authorFile{{"EuroSAT.zip", 94280567, ""}, {"EuroSAT_RGB.zip", 0, ""}}, folders: []string{"2750", "EuroSAT_RGB", "EuroSAT"}},
	"resisc45": {
		files:   []authorFile{{"NWPU-RESISC45.zip", 0, ""}, {"NWPU-RESISC45.tar.gz", 0, ""}},
		folders: []string{"NWPU-RESISC45"},
	},
}

// loneIn returns the published file in the folder c.From if the task is of a data set that is one file, and c.From otherwise.
func loneIn(c Config) string {
	name, _, err := taskOf(c)
	if info, statErr := os.Stat(c.From); err != nil || statErr != nil || !info.IsDir() {
		return c.From
	}
	for _, f := range loneArchives[tasks()[name].dataset].files {
		path := filepath.Join(c.From, f.name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return c.From
}

func (s lone) String() string {
	var all []string
	for _, f := range s.files {
		all = append(all, f.String())
	}
	for _, name := range s.folders {
		all = append(all, name+"/")
	}
	return strings.Join(all, " or ")
}

// All prepares every task of VTAB-1k whose files are in the folder c.From, each in a folder of its own in c.Out. A task that is
// there already is kept, unless c.Overwrite is set, so that an interrupted command can be given again. A task that fails does not stop the
// others. The error, if any, is of c itself or of the context.
func All(ctx context.Context, c Config, ui runner.UI) ([]Outcome, error) {
	if err := c.checkAll(); err != nil {
		return nil, err
	}
	have, err := takeStock(ctx, c.From)
	if err != nil {
		return nil, err
	}
	var list []Outcome
	for _, t := range suite.Tasks() {
		o := have.find(t.Folder)
		if o.State == "" {
			ui.Note("%s: from %s", o.Task, o.From)
			if err := o.prepare(ctx, c, ui); err != nil {
				return list, err
			}
		}
		list = append(list, o)
	}
	return list, nil
}

func (c Config) checkAll() error {
	one := c
	one.Task = "cifar"
	if err := one.check(); err != nil {
		return err
	}
	if c.Link || c.Seeded {
		return runner.Usagef("--task all goes with neither --link nor --seed: VTAB-1k's images are fixed, and most are copied from archives")
	}
	info, err := os.Stat(c.From)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return runner.Usagef("--task all: --from %s is a file, want the folder with the data sets' files", c.From)
	}
	return checkApart(c.From, c.Out)
}

// prepare makes the data set of a task, or keeps it. It returns only the context's error.
func (o *Outcome) prepare(ctx context.Context, c Config, ui runner.UI) error {
	c.set = o.set
	c.From, c.Task, c.Out = o.From, o.Task, filepath.Join(c.Out, o.Task)
	if !c.Overwrite {
		entries, err := os.ReadDir(c.Out)
		if err == nil && len(entries) > 0 {
			o.State = Kept
			if o.Record, err = ReadRecord(c.Out); err != nil {
				o.State, o.Note = Failed, fmt.Sprintf("%s exists already and was not made by 'data prepare': move it away", c.Out)
			}
			return nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			o.State, o.Note = Failed, err.Error()
			return nil
		}
	}
	r, err := Run(ctx, c, ui)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		o.State, o.Note = Failed, err.Error()
	default:
		o.State, o.Record = Made, r
	}
	return nil
}

// stock is what lies in a folder.
type stock struct {
	folder string
	paths  []string            // of files, relative, with slashes
	dirs   map[string]string   // shortest path of folders by name
	first  map[string]string   // path of a file by its base name
	tfds   map[string][]string // folders of record files by data set
	info   map[string]bool     // folders with TFDS's description of a data set
}

// takeStock lists the files in a folder, at any depth.
func takeStock(ctx context.Context, folder string) (*stock, error) {
	s := &stock{folder: folder, dirs: map[string]string{}, first: map[string]string{}, tfds: map[string][]string{}, info: map[string]bool{}}
	a, err := archive.Open(folder)
	if err != nil {
		return nil, err
	}
	err = a.Walk(ctx, func(e archive.Entry, _ io.Reader) error {
		base, dir := path.Base(e.Name), path.Dir(e.Name)
		s.paths = append(s.paths, e.Name)
		s.info[dir] = s.info[dir] || base == infoFile
		if s.first[base] == "" {
			s.first[base] = e.Name
		}
		if m := recordName.FindStringSubmatch(base); m != nil && !slices.Contains(s.tfds[m[1]], dir) {
			s.tfds[m[1]] = append(s.tfds[m[1]], dir)
		}
		for ; dir != "."; dir = path.Dir(dir) {
			if known := s.dirs[path.Base(dir)]; known == "" || len(dir) < len(known) {
				s.dirs[path.Base(dir)] = dir
			}
		}
		return nil
	})
	return s, err
}

func (s *stock) path(name string) string { return filepath.Join(s.folder, filepath.FromSlash(name)) }

// find returns where the files of a task are, or what is missing. Files of the authors come before those of TFDS.
func (s *stock) find(task string) Outcome {
	o := Outcome{Task: task}
	dataset := tasks()[task].dataset
	var want string
	if set := authorOf(task); set != nil {
		if s.holds(set) {
			o.From, o.set = s.folder, set
			return o
		}
		want = set.list()
	} else if one, ok := loneArchives[dataset]; ok {
		for _, f := range one.files {
			if name := s.first[f.name]; name != "" {
				o.From = s.path(name)
				return o
			}
		}
		for _, name := range one.folders {
			if dir := s.dirs[name]; dir != "" {
				o.From = s.path(dir)
				return o
			}
		}
		want = one.String()
		if name := s.first["NWPU-RESISC45.rar"]; name != "" && dataset == "resisc45" {
			want += fmt.Sprintf(" (%s is there: unpack it)", name)
		}
	}
	switch folders := s.tfds[dataset]; len(folders) {
	case 0:
		o.State, o.Note = Missing, strings.TrimPrefix(want+", or TFDS record files "+dataset+"-*.tfrecord-*", ", or ")
	case 1:
		o.From = s.path(folders[0])
	default:
		o.State, o.Note = Failed, fmt.Sprintf("TFDS record files of %s lie in %s and %s: keep one version", dataset, folders[0], folders[1])
	}
	return o
}

// holds reports whether files of a set are there: then its own errors say what is missing.
func (s *stock) holds(set *authorSet) bool {
	return slices.ContainsFunc(s.paths, func(name string) bool {
		base, dir := path.Base(name), path.Dir(name)
		if s.info[dir] {
			return false
		}
		if m := numbered.FindStringSubmatch(base); m != nil {
			base = m[1]
		}
		return set.publishedName(base) != "" || set.mark != nil && set.mark(name)
	})
}

// PrintAll prints what was done for each task, and what is missing.
func PrintAll(w io.Writer, list []Outcome) error {
	t := report.Table{Columns: []report.Column{{Key: "task", Title: "task"}, {Key: "state", Title: "state"}, {Key: "train800", Title: "train800", Right: true},
		{Key: "val200", Title: "val200", Right: true}, {Key: "test", Title: "test", Right: true}, {Key: "lists", Title: "lists"}}}
	for _, o := range list {
		row := []any{o.Task, o.State, "", "", "", ""}
		if r := o.Record; r != nil {
			row = []any{o.Task, o.State, r.Counts["train800"], r.Counts["val200"], r.Counts["test"], "official"}
			if !r.Official {
				row[5] = "not official"
			}
		}
		t.Rows = append(t.Rows, row)
	}
	if err := t.Render(w, report.Text); err != nil {
		return err
	}
	for _, o := range list {
		if o.Note != "" {
			if _, err := fmt.Fprintf(w, "%-8s %s: %s\n", o.State, o.Task, o.Note); err != nil {
				return err
			}
		}
	}
	return nil
}
