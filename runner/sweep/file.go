package sweep

import (
	"encoding/json"
	"errors"
	"fmt"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// File is a cell as the tables of all benchmarks read it.
type File struct {
	Key  string // of the cell, such as "eurosat dtl seed 42"
	Data string // names what has the same data in every cell, such as "eurosat" or "food101 4-shot split 0"
	Path string

	Method string
	Seed   uint64
	*Outcome
}

// Merge keeps one file per cell, and returns the indices of those. A usable cell replaces one that is not; two usable ones are an
// error because only one can count.
func Merge(files []File) (keep []int, err error) {
	place := map[string]int{}
	for i, f := range files {
		at, repeated := place[f.Key]
		switch {
		case !repeated:
			place[f.Key] = len(keep)
			keep = append(keep, i)
		case f.Usable() != nil:
		case files[keep[at]].Usable() != nil:
			keep[at] = i
		default:
			return nil, fmt.Errorf("%s is finished in two folders, and one table takes one:\n  %s\n  %s\nremove one of the files or leave its folder out",
				f.Key, files[keep[at]].Path, f.Path)
		}
	}
	return keep, nil
}

// CheckOrigin rejects cells that cannot be averaged or compared: those of one name with two data sets, or those of two backbones.
func CheckOrigin(files []File) error {
	type origin struct{ file, hash, path string }
	differ := func(text string, origins ...origin) error {
		for _, o := range origins {
			text += fmt.Sprintf("\n  %s\n    has %s, of %s", o.file, o.hash, o.path)
		}
		return errors.New(text)
	}
	var first *File
	data := map[string]origin{}
	for _, f := range files {
		if f.Usable() != nil {
			continue
		}
		d := origin{f.Path, f.Run.Data.Fingerprint, f.Run.Data.Root}
		if first, ok := data[f.Data]; !ok {
			data[f.Data] = d
		} else if first.hash != d.hash {
			return differ("the data set of "+f.Data+" is not the same in all results: averaging them would say nothing", first, d)
		}
		if first == nil {
			first = &f
		} else if d := first.Run.Backbone.Difference(f.Run.Backbone); d != nil {
			had := func(f File, value string) origin { return origin{f.Path, d.Setting + " " + value, f.Run.Backbone.Path} }
			return differ("the results come from two backbones: make a table of each", had(*first, d.First), had(f, d.Second))
		}
	}
	return nil
}

// Settings describes the settings of a cell that has an accuracy, except for those that recipes choose by data set.
func (o *Outcome) Settings() string {
	var config struct {
		Epochs    int    `json:"epochs"`
		Batch     int    `json:"batch"`
		Precision string `json:"precision"`
		Scope     string `json:"drop_path_scope"`

		Recompute graph.Recompute `json:"recompute"`
	}
	text := "the recipe " + o.Recipe.Name
	if o.Recipe.Note != "" {
		text += " (" + o.Recipe.Note + ")"
	}
	if len(o.Overrides) > 0 {
		text += " with " + o.Overrides.String()
	}
	config.Epochs, config.Batch = o.Recipe.Epochs, o.Recipe.Batch
	// The run's record takes precedence over the recipe.
	if err := json.Unmarshal(o.Run.Config, &config); err != nil {
		return text
	}
	text += fmt.Sprintf(": %s, batch %d", report.Count(config.Epochs, "epoch"), config.Batch)
	if config.Precision != "" {
		text += ", " + config.Precision
	}
	if config.Recompute.Approximate() {
		text += ", --recompute " + config.Recompute.Label()
	}
	if config.Scope == string(dtl.DropPathSuffix) {
		text += ", --drop-path-scope " + config.Scope
	}
	if a := o.Run.Accuracy; a != nil && a.Note != result.OnceAfterLast {
		text += fmt.Sprintf(", accuracy %q", a.Note)
	}
	return text
}
