package prepare

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/runner"
)

// taskOf returns the task named by --task or by the last part of --out, "" if neither names one.
func taskOf(c Config) (name string, explicit bool, err error) {
	name, known := byName(cmp.Or(c.Task, filepath.Base(filepath.Clean(c.Out))))
	switch {
	case known:
		return name, c.Task != "", nil
	case c.Task != "":
		return "", false, runner.Usagef("--task %s is unknown: use one of %s", c.Task, strings.Join(Tasks(), ", "))
	}
	return "", false, nil
}

// chooseTask returns the task to prepare from a data set, by its TFDS name: the named one, or the only one.
func chooseTask(c Config, dataset string) (string, error) {
	candidates := slices.DeleteFunc(Tasks(), func(name string) bool { return tasks()[name].dataset != dataset })
	name, explicit, err := taskOf(c)
	switch {
	case err != nil:
		return "", err
	case len(candidates) == 0:
		return "", runner.Usagef("--from holds the data set %s, of which VTAB-1k has no task", dataset)
	case slices.Contains(candidates, name):
		return name, nil
	case explicit:
		return "", runner.Usagef("--task %s: --from holds the data set %s, which is for %s", name, dataset, strings.Join(candidates, " and "))
	case len(candidates) > 1:
		return "", runner.Usagef("--task is required: the data set %s is for %s", dataset, strings.Join(candidates, " and "))
	case name != "":
		return "", runner.Usagef("--out %s has the name of another task, but --from holds the data set %s: add --task %s if you mean it", c.Out, dataset, candidates[0])
	}
	return candidates[0], nil
}

// official chooses VTAB-1k's images by their positions in record order. rows, unless nil, has the index in the source of each
// position.
func official(c Config, name string, counts map[string]int, r *Record, rows map[string][]int) (p plan, err error) {
	if c.Seeded {
		return p, runner.Usagef("--seed: VTAB-1k's images of this data set are fixed, nothing is drawn (the flag is for class folders)")
	}
	t := tasks()[name]
	d := datasets()[t.dataset]
	r.Task, r.Classes = name, t.classes
	r.Official = name != "cifar10"
	if !r.Official {
		r.remark("CIFAR-10 is not a task of VTAB-1k; it is cut like CIFAR-100")
	}
	for list, s := range d.slices {
		records := counts[s.split]
		if records != d.counts[s.split] {
			r.unofficial("split %s has %d records, the published data set %d", s.split, records, d.counts[s.split])
		}
		from, to := records*s.from/100, records*s.to/100
		available := to - from
		asked := [...]int{c.Train, c.Val, c.Test}[list]
		standard := [...]int{800, 200, available}[list]
		flag := [...]string{"--train", "--val", "--test"}[list]
		if list == test && (asked < 0 || asked > available) {
			asked = available
		}
		if available == 0 {
			return p, fmt.Errorf("%s: split %s has %d records, none for %s", c.From, s.split, records, listNames[list])
		}
		if available < asked {
			return p, tooFew(c, flag, asked, fmt.Sprintf("split %s has %d records and there are %d", s.split, records, available))
		}
		if asked != standard {
			r.unofficial("%s is %d", flag, asked)
		}
		for at := from; at < from+asked; at++ {
			index := at
			if rows != nil {
				index = rows[s.split][at]
			}
			p[list] = append(p[list], ref{s.split, index})
		}
	}
	return p, nil
}
