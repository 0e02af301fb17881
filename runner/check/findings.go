package check

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/data"
	"dtl-tf/runner/data/likeness"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/internal/finding"
	"dtl-tf/runner/report"
)

// reportFiles reports files that can't be read.
func reportFiles(images []member, f *finding.List) {
	for i := range images {
		switch m := &images[i]; {
		case m.again:
		case m.Missing != nil:
			f.Problem("files that can't be read", m.where(), "%v", m.Missing)
		case m.Broken != nil:
			f.Problem("files that can't be decoded", m.where(), "%v; replace or remove it, or train with --skip-bad-images", m.Broken)
		}
	}
}

// The limits of balance: how many times as many training images the largest class may have as the smallest, and how many the
// smallest should have.
const (
	maxImbalance   = 10
	minClassImages = 10
)

// reportClasses reports classes without images and the balance of the others.
func reportClasses(set *data.Set, images []member, f *finding.List) {
	parts := map[string]data.Part{}
	counts := make([]int, set.Classes)
	for i := range images {
		m := &images[i]
		p := parts[m.split]
		p.Name = m.split
		p.Items = append(p.Items, m.Item)
		parts[m.split] = p
		if m.split == data.Train {
			for _, class := range set.ClassesOf(m.Item) {
				counts[class]++
			}
		}
	}
	reportLabels(set, images, f)
	train, test := parts[data.Train], parts[data.Test]
	if len(test.Items) == 0 {
		f.Remark("splits", set.Root, "there is no split test to measure accuracy on: %s", whatTests(set, counts))
	}
	if len(train.Items) == 0 {
		f.Problem("splits", set.Root, "there is no split train: nothing can be learned")
		return
	}
	if set.Classes < 2 {
		f.Problem("classes", set.Root, "there is one class: there is nothing to classify")
		return
	}
	for _, note := range set.ClassNotes(train, test) {
		f.Remark(note, set.Root, "%s", note)
	}
	order := make([]int, 0, set.Classes)
	for label, n := range counts {
		if n > 0 {
			order = append(order, label)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return counts[a] - counts[b] })
	if len(order) == 0 {
		f.Problem("classes", set.Root, "no training image has a label: there is nothing to learn")
		return
	}
	least, most := order[0], order[len(order)-1]
	if ratio := float64(counts[most]) / float64(counts[least]); ratio > maxImbalance {
		f.Remark("balance", set.Root, "classes are unbalanced: %s has %s training images and %s %s, %.0f times as many: rare classes will be recognised worse than the accuracy says, so add images to them",
			spell.Line(set.ClassName(least)), report.Thousands(counts[least]), spell.Line(set.ClassName(most)), report.Thousands(counts[most]), ratio)
	}
	var few []string
	for _, label := range order {
		if counts[label] < minClassImages {
			few = append(few, fmt.Sprintf("%s: %d", set.ClassName(label), counts[label]))
		}
	}
	if few != nil {
		f.Remark("small classes", set.Root, "%d of %d classes have fewer than %d training images (%s): add images to them", len(few), set.Classes, minClassImages, spell.Few(few, finding.MaxListed))
	}
}

// whatTests says what training does with a set that has no test images.
// counts are the training images of each class.
func whatTests(set *data.Set, counts []int) string {
	share := fmt.Sprintf("%g %%", 100*finetune.OwnTest)
	lone := slices.Index(counts, 1)
	switch {
	case finetune.SetsTestAside(set) && set.LabelSets == nil && lone >= 0:
		return fmt.Sprintf("fine-tune measures none either, as %s has a single image: with two images of each class it sets %s aside", spell.Line(set.ClassName(lone)), share)
	case finetune.SetsTestAside(set):
		return fmt.Sprintf("fine-tune sets %s of the images aside for it (--test %g), and --val %g as many to choose the epoch", share, finetune.OwnTest, finetune.OwnTest)
	case set.Divisible():
		return fmt.Sprintf("fine-tune measures none, unless --test %g sets %s of the training images aside", finetune.OwnTest, share)
	}
	return "fine-tune measures none"
}

// reportCopies reports files with the same content, and files that are listed more than once. It matters most that they have two labels, and
// next that they are in two splits.
func reportCopies(set *data.Set, images []member, f *finding.List) {
	firsts := map[[sha256.Size]byte]*member{}
	for i := range images {
		m := &images[i]
		if m.Missing != nil {
			continue
		}
		first := firsts[m.Sum]
		if first == nil {
			firsts[m.Sum] = m
			continue
		}
		same := "the same file as " + first.where()
		if m.again && m.Path == first.Path {
			same = "listed twice"
		}
		switch {
		case first.Label != m.Label:
			f.Problem("files with two labels", m.where(), "%s, but the labels are %s here and %s there: at least one is wrong", same, class(set, m), class(set, first))
		case first.split != m.split:
			f.Problem("files in two splits", m.where(), "%s: results on %s would count what %s has seen, so remove one of them", same, m.split, first.split)
		default:
			f.Remark("files that are there twice", m.where(), "%s: it counts twice, remove one of them", same)
		}
	}
}

// reportAlike reports pictures that look alike and have two labels or are in two splits. They may be right, so these are remarks.
func reportAlike(ctx context.Context, set *data.Set, images []member, f *finding.List) error {
	index := likeness.NewIndex()
	plain := 0
	for i := range images { // unreadable ones are plain
		index.Add(&images[i].Print)
		if images[i].Readable() && images[i].Print.Plain() && !images[i].again {
			plain++
		}
	}
	firsts := make([]*member, len(images))
	err := data.Each(ctx, len(images), func(i int) {
		if !images[i].again {
			firsts[i] = firstAlike(index, images, i)
		}
	}, func(int) {})
	if err != nil {
		return err
	}
	for i := range images {
		m, first := &images[i], firsts[i]
		switch {
		case first == nil:
		case first.Label != m.Label:
			f.Remark("pictures that look alike and have two labels", m.where(), "it looks like %s, but the labels are %s here and %s there: look at both",
				first.where(), class(set, m), class(set, first))
		default:
			f.Remark("pictures that look alike and are in two splits", m.where(), "it looks like %s: if they show the same, results on %s are too good, so remove one of them", first.where(), m.split)
		}
	}
	if plain > 0 {
		f.Remark("plain pictures", set.Root, "%s with little but one grey or a horizon: they were not compared with others", report.Count(plain, "picture"))
	}
	return nil
}

// firstAlike returns the first of the images before the i-th that looks like it and has another label, or else is in another split.
func firstAlike(index *likeness.Index, images []member, i int) *member {
	m := &images[i]
	at := index.Alike(&m.Print, i, func(at int) bool {
		o := &images[at]
		return (o.Label != m.Label || o.split != m.split) && o.Sum != m.Sum
	})
	if at < 0 {
		return nil
	}
	if images[at].Label == m.Label {
		if other := index.Alike(&m.Print, i, func(at int) bool { return images[at].Label != m.Label && images[at].Sum != m.Sum }); other >= 0 {
			at = other
		}
	}
	return &images[at]
}

// class is the class of an image in words, or all of them.
func class(set *data.Set, m *member) string {
	return cmp.Or(spell.Line(set.LabelText(m.Item)), "none")
}

// reportLabels says how many labels images have, if they may have any number.
func reportLabels(set *data.Set, images []member, f *finding.List) {
	if set.LabelSets == nil {
		return
	}
	labels, none, most := 0, 0, 0
	for i := range images {
		n := len(set.ClassesOf(images[i].Item))
		if labels, most = labels+n, max(most, n); n == 0 {
			none++
		}
	}
	f.Remark("labels", set.Root, "images have %.2f labels on average and %d at most; without a label: %s", float64(labels)/float64(len(images)), most, report.Thousands(none))
}

// The limits beyond which a picture is worth a word: sides in pixels, pixels, and the ratio of its sides.
const (
	tinySide   = 32
	hugePixels = 24_000_000
	maxRatio   = 3
)

// reportTraits reports properties of pictures that users should know.
func reportTraits(set *data.Set, images []member, f *finding.List) {
	var tiny, huge, long []string
	s := data.Survey{Upright: set.Layout != data.LayoutLists}
	for i := range images {
		m := &images[i]
		if !m.Readable() || m.again {
			continue
		}
		size := fmt.Sprintf("%s: %d x %d", m.where(), m.Width, m.Height)
		short, ratio := min(m.Height, m.Width), float64(max(m.Height, m.Width))/float64(min(m.Height, m.Width))
		if short < tinySide {
			tiny = append(tiny, size)
		}
		if m.Height*m.Width > hugePixels {
			huge = append(huge, size)
		}
		if ratio > maxRatio {
			long = append(long, size)
		}
		if m.Turned {
			s.Turned = append(s.Turned, m.where())
		}
		if m.Grey16 {
			s.Grey16 = append(s.Grey16, m.where())
		}
	}
	add := func(kind string, list []string, advice string) {
		if len(list) > 0 {
			f.Remark(kind, set.Root, "%s: %s (%s): %s", kind, report.Thousands(len(list)), spell.Few(list, 5), advice)
		}
	}
	add(fmt.Sprintf("pictures with a side below %d pixels", tinySide), tiny, "little can be seen in them once they are scaled up")
	add(fmt.Sprintf("pictures of more than %d million pixels", hugePixels/1_000_000), huge, "each epoch decodes them anew, so scale them down first")
	add(fmt.Sprintf("pictures more than %d times as long as wide", maxRatio), long, "they are squeezed into a square, so crop them if that matters")
	for _, note := range s.Notes() {
		f.Remark(note, set.Root, "%s", note)
	}
}

// sizes describes the shorter sides of pictures in pixels: the smallest, the median and the largest.
func sizes(images []member) string {
	var sides []int
	for i := range images {
		if images[i].Readable() {
			sides = append(sides, min(images[i].Height, images[i].Width))
		}
	}
	if sides == nil {
		return ""
	}
	slices.Sort(sides)
	return fmt.Sprintf("shorter sides of %d to %d pixels, median %d", sides[0], sides[len(sides)-1], sides[len(sides)/2])
}

// kinds counts formats, the most frequent first.
func kinds(counts map[string]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	})
	for i, name := range names {
		names[i] = name + " " + report.Thousands(counts[name])
	}
	return strings.Join(names, ", ")
}
