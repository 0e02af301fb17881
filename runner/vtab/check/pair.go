package check

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"dtl-tf/runner/internal/finding"
)

// compareJoint compares train800val200.txt with the two lists that it joins: by name, or by content if the joint list has copies of
// the images under other names.
func compareJoint(lists map[string]list, contents map[string]content, f *finding.List) {
	parts := slices.Concat(lists[trainList].entries, lists[valList].entries)
	joint := lists[trainValList].entries
	if len(parts) == 0 || len(joint) == 0 {
		return
	}
	byName := func(e entry) string { return fmt.Sprintf("%s %d", e.Name, e.Label) }
	byContent := func(e entry) string { return fmt.Sprintf("%x %d", contents[e.Path].file, e.Label) }
	if len(difference(parts, joint, byName))+len(difference(joint, parts, byName)) == 0 {
		return
	}
	for _, e := range difference(parts, joint, byContent) {
		f.Problem("images that "+trainValList+" lacks", e.where(), "%s with label %d is not in %s", e.Name, e.Label, trainValList)
	}
	for _, e := range difference(joint, parts, byContent) {
		f.Problem("images that only "+trainValList+" has", e.where(), "%s with label %d is neither in %s nor in %s", e.Name, e.Label, trainList, valList)
	}
}

// difference returns the multiset difference a - b by key.
func difference(a, b []entry, key func(entry) string) (rest []entry) {
	counts := map[string]int{}
	for _, e := range b {
		counts[key(e)]++
	}
	for _, e := range a {
		if counts[key(e)]--; counts[key(e)] < 0 {
			rest = append(rest, e)
		}
	}
	return rest
}

// byPixels maps the pixels of an image to the first entry that has them.
type byPixels map[[sha256.Size]byte]entry

// reportShared reports images that are trained and tested on, and returns how many entries of test are.
func reportShared(train, test []entry, contents map[string]content, f *finding.List) (n int) {
	first := byPixels{}
	for _, e := range train {
		first.add(e, contents)
	}
	for _, e := range test {
		c := contents[e.Path]
		if earlier, ok := first[c.pixels]; ok && c.readable() {
			n++
			f.Problem("images that are trained and tested on", e.where(), "%s is trained on too: %s", e.Name, same(earlier, e, contents))
		}
	}
	return n
}

// reportTwice reports images that a list has under two names, and returns how many entries repeat an earlier one.
func reportTwice(entries []entry, contents map[string]content, f *finding.List) (n int) {
	first := byPixels{}
	for _, e := range entries {
		if earlier, repeated := first.add(e, contents); repeated && earlier.Path != e.Path {
			n++
			f.Remark("images that are twice in "+e.list, e.where(), "%s is twice in the list: %s", e.Name, same(earlier, e, contents))
		}
	}
	return n
}

// add adds a readable entry, or returns the earlier entry with the same pixels.
func (b byPixels) add(e entry, contents map[string]content) (earlier entry, repeated bool) {
	c := contents[e.Path]
	if !c.readable() {
		return entry{}, false
	}
	if earlier, repeated = b[c.pixels]; !repeated {
		b[c.pixels] = e
	}
	return earlier, repeated
}

// same describes the earlier entry and what it shares with e.
func same(earlier, e entry, contents map[string]content) string {
	what := "pixels"
	if contents[earlier.Path].file == contents[e.Path].file {
		what = "file"
	}
	labels := fmt.Sprintf("label %d", earlier.Label)
	if earlier.Label != e.Label {
		labels = fmt.Sprintf("but label %d there and %d here", earlier.Label, e.Label)
	}
	return fmt.Sprintf("the same %s as %s (%s, %s)", what, earlier.where(), earlier.Name, labels)
}
