package prepare

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// taskOf is the task that the user named by --task, or by the name of --out; "" for neither. An unknown --task
// is an error.
func taskOf(c Config) (name string, explicit bool, err error) {
	if c.Task != "" {
		name, ok := byName(c.Task)
		if !ok {
			return "", false, usagef("--task %s is unknown: use one of %s", c.Task, strings.Join(Tasks(), ", "))
		}
		return name, true, nil
	}
	if name, ok := byName(filepath.Base(filepath.Clean(c.Out))); ok {
		return name, false, nil
	}
	return "", false, nil
}

// chooseTask is the task to prepare from a data set of TFDS's name: the one that was named, else the only one.
func chooseTask(c Config, dataset string) (string, error) {
	var of []string
	for _, name := range Tasks() {
		if tasks()[name].dataset == dataset {
			of = append(of, name)
		}
	}
	name, explicit, err := taskOf(c)
	switch {
	case err != nil:
		return "", err
	case len(of) == 0:
		return "", usagef("--from holds the data set %s, which no task of VTAB-1k is made from", dataset)
	case slices.Contains(of, name):
		return name, nil
	case explicit:
		return "", usagef("--task %s: --from holds the data set %s, which is for %s", name, dataset, strings.Join(of, " and "))
	case len(of) > 1:
		return "", usagef("--task is required: the data set %s is for %s", dataset, strings.Join(of, " and "))
	case name != "":
		return "", usagef("--out %s has the name of another task, but --from holds the data set %s: add --task %s if that is meant", c.Out, dataset, of[0])
	}
	return of[0], nil
}

// official chooses the records that VTAB-1k takes: by their positions in record order. A source whose numbers are not
// positions translates them.
func official(c Config, name string, counts map[string]int, r *Record) (plan, error) {
	var p plan
	if c.Seeded {
		return p, usagef("--seed: which images VTAB-1k takes of this data set is fixed, there is nothing to draw (it is for class folders)")
	}
	t := tasks()[name]
	d := datasets()[t.dataset]
	r.Task, r.Classes = name, t.classes
	r.Official = name != "cifar10"
	if !r.Official {
		r.remark("CIFAR-10 is no task of VTAB-1k; it is cut as CIFAR-100 is")
	}
	for list, s := range d.slices {
		records := counts[s.split]
		if records != d.counts[s.split] {
			r.unofficial("split %s has %d records, the published data set %d", s.split, records, d.counts[s.split])
		}
		from, to := s.bounds(records)
		take := to - from
		asked, flag := c.Train, "--train"
		switch list {
		case val:
			asked, flag = c.Val, "--val"
		case test:
			asked, flag = c.Test, "--test"
			if asked < 0 || asked > take {
				asked = take
			}
		}
		if take == 0 {
			return p, fmt.Errorf("%s: split %s has %d records and none is left for %s", c.From, s.split, records, listNames[list])
		}
		if take < asked {
			return p, tooFew(c, flag, asked, fmt.Sprintf("split %s has %d records and there are %d", s.split, records, take))
		}
		if list != test && asked != [...]int{800, 200}[list] {
			r.unofficial("%s is %d", flag, asked)
		}
		if list == test && asked != take {
			r.unofficial("%s is %d", flag, asked)
		}
		for at := from; at < from+asked; at++ {
			p[list] = append(p[list], ref{s.split, at})
		}
	}
	return p, nil
}
