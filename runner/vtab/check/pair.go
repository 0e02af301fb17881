package check

import (
	"crypto/sha256"
	"fmt"
	"slices"
)

// joined holds train800val200.txt against the two lists that it joins: by names, or by content where the copy has its
// images a second time under other names.
func joined(all map[string]list, contents map[string]content, f *findings) {
	both := slices.Concat(all[trainList].entries, all[valList].entries)
	joint := all[trainValList]
	if len(both) == 0 || len(joint.entries) == 0 {
		return
	}
	byName := func(e entry) string { return fmt.Sprintf("%s %d", e.Name, e.Label) }
	byContent := func(e entry) string { return fmt.Sprintf("%x %d", contents[e.Path].file, e.Label) }
	if len(without(both, joint.entries, byName))+len(without(joint.entries, both, byName)) == 0 {
		return
	}
	for _, e := range without(both, joint.entries, byContent) {
		f.problem("images that "+trainValList+" lacks", e.where(), "%s with label %d is not in %s", e.Name, e.Label, trainValList)
	}
	for _, e := range without(joint.entries, both, byContent) {
		f.problem("images that only "+trainValList+" has", e.where(), "%s with label %d is neither in %s nor in %s", e.Name, e.Label, trainList, valList)
	}
}

// without are the entries of a that b lacks, by key; an entry of b makes up for one of a.
func without(a, b []entry, key func(entry) string) (rest []entry) {
	left := map[string]int{}
	for _, e := range b {
		left[key(e)]++
	}
	for _, e := range a {
		if left[key(e)]--; left[key(e)] < 0 {
			rest = append(rest, e)
		}
	}
	return rest
}

// shared tells which images are trained and tested on, and returns how many of test.txt are.
func shared(train, test []entry, contents map[string]content, f *findings) int {
	at := map[[sha256.Size]byte]entry{}
	for _, e := range train {
		if c := contents[e.Path]; c.missing == nil && c.broken == nil {
			if _, ok := at[c.pixels]; !ok {
				at[c.pixels] = e
			}
		}
	}
	n := 0
	for _, e := range test {
		c := contents[e.Path]
		if c.missing != nil || c.broken != nil {
			continue
		}
		if first, ok := at[c.pixels]; ok {
			n++
			f.problem("images that are trained and tested on", e.where(), "%s is trained on too: %s %s %s", e.Name, alike(c, contents[first.Path]), first.where(), labels(first, e))
		}
	}
	return n
}

// twice tells which images a list holds under two names, and returns how many are such second ones.
func twice(entries []entry, contents map[string]content, f *findings) int {
	at := map[[sha256.Size]byte]entry{}
	n := 0
	for _, e := range entries {
		c := contents[e.Path]
		if c.missing != nil || c.broken != nil {
			continue
		}
		first, ok := at[c.pixels]
		if !ok {
			at[c.pixels] = e
		} else if first.Path != e.Path {
			n++
			f.remark("images that are twice in "+e.list, e.where(), "%s is twice in the list: %s %s %s", e.Name, alike(c, contents[first.Path]), first.where(), labels(first, e))
		}
	}
	return n
}

func alike(a, b content) string {
	if a.file == b.file {
		return "the same file as"
	}
	return "the same pixels as"
}

func labels(a, b entry) string {
	if a.Label == b.Label {
		return fmt.Sprintf("(%s, label %d)", a.Name, a.Label)
	}
	return fmt.Sprintf("(%s, but label %d there and %d here)", a.Name, a.Label, b.Label)
}
