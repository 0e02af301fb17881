package compare

import (
	"fmt"
	"slices"
	"strings"

	"dtl-tf/runner/report"
)

// howMeasured describes the measurement.
func howMeasured(s Settings, rows []Row) string {
	device, weights, classifier := "the CPU", s.Backbone, ""
	if s.SHA256 == "" {
		weights += " with random weights"
	}
	for _, r := range rows {
		if r.Measurement == nil {
			continue
		}
		if r.Device == "GPU" {
			device = "the GPU"
		}
		classifier = fmt.Sprintf(" (the same %s for each)", report.Thousands(r.Classifier))
	}
	return fmt.Sprintf("Measured on %s of this machine (%s, %d threads) with libtensorflow %s: %s, %d x %d pixels, batch %d, %s, --recompute %s, %d classes, AdamW. "+
		"Every method in a separate process: %d steps of warm-up, %d timed steps (median, minimum, maximum), then one traced step. "+
		"Step peak: the largest number of bytes alive at any time of that step, from replaying every allocation and release of the optimised graph "+
		"without recomputation by TensorFlow's optimiser. It includes activations, gradients and temporaries, but not weights, optimizer state and "+
		"images, which exist before the step. Activations and gradients: the peak of each, at different times. Total: weights, optimizer state and step peak. "+
		"Trainable parameters exclude the classifier%s.",
		device, s.Machine, s.Threads, s.TensorFlow, weights, s.ImageSize, s.ImageSize, s.Batch, s.Precision, s.Recompute.Label(), s.Classes,
		s.WarmupSteps, s.Steps, classifier)
}

// noteWidth is the width in characters of the notes below a table.
const noteWidth = 100

// notes returns the text below the table: how rows were measured, why some were not, and the sources of accuracies and quoted
// numbers.
func (c Comparison) notes() string {
	paragraphs := []string{c.Method}
	for _, l := range c.Rows {
		if l.Failure != nil {
			paragraphs = append(paragraphs, l.Row.Method+": "+l.Failure.Error)
		}
	}
	for _, g := range c.group(func(l Line) string {
		if l.Own == nil {
			return ""
		}
		return strings.Join(l.Own.DataSets, ", ")
	}) {
		paragraphs = append(paragraphs, fmt.Sprintf("Own top-1: mean over %s, from the runs in %s (%s).", g.key, c.Results, g.methods))
	}
	paragraphs = append(paragraphs, c.quotedNotes()...)
	for i, p := range paragraphs {
		indent := p[:len(p)-len(strings.TrimLeft(p, " "))]
		paragraphs[i] = report.Wrap(indent, indent+indent, p, noteWidth)
	}
	return strings.Join(paragraphs, "\n")
}

// quotedNotes names each source once, with its methods.
func (c Comparison) quotedNotes() []string {
	if !c.Settings.asQuoted() {
		return []string{"Published numbers are of " + quotedBackbone + " at its own image size and would mislead beside this backbone's: none is quoted."}
	}
	var notes []string
	for _, g := range c.group(func(l Line) string { return l.Quoted.Source }) {
		notes = append(notes, fmt.Sprintf("  %s: %s", g.methods, g.key))
	}
	for _, g := range c.group(func(l Line) string { return l.Quoted.MemorySource }) {
		notes = append(notes, fmt.Sprintf("  GPU memory of %s: %s", g.methods, g.key))
	}
	if notes == nil {
		return nil
	}
	return slices.Insert(notes, 0, "* Quoted, not measured here: ViT-B/16 pre-trained on ImageNet-21k, VTAB-1k as the mean of the three groups' means. Sources:")
}

// group is a list of methods with the same key.
type group struct{ key, methods string }

// group groups the methods by a key, in the order of the rows. It leaves out rows whose key is "".
func (c Comparison) group(key func(Line) string) (list []group) {
	for _, l := range c.Rows {
		k := key(l)
		i := slices.IndexFunc(list, func(g group) bool { return g.key == k })
		switch {
		case k == "":
		case i < 0:
			list = append(list, group{k, l.Row.Method})
		default:
			list[i].methods += ", " + l.Row.Method
		}
	}
	return list
}
