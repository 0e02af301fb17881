package compare

import (
	"fmt"
	"strings"

	"dtl-tf/runner/published"
	"dtl-tf/runner/report"
)

// how says in words how the figures were got.
func how(s Settings, rows []Row) string {
	device := "the CPU"
	classifier := ""
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
		"Every method in a separate process: %d steps of warm-up, %d timed steps (median, minimum, maximum), then one step traced. "+
		"Step peak: the most bytes alive at once in that step, by replaying every allocation and release of the optimised graph as it runs, "+
		"without recomputation by TensorFlow's optimiser: activations, gradients and temporaries, not the weights, the optimizer's state and the images, "+
		"which are there before. Activations and gradients: the most of each at once, at moments of their own. Total: weights, optimizer and step peak. "+
		"Trainable parameters do not count the classifier%s.",
		device, s.Machine, s.Threads, s.TensorFlow, s.weights(), s.ImageSize, s.ImageSize, s.Batch, s.Precision, s.Recompute, s.Classes,
		s.WarmupSteps, s.Steps, classifier)
}

// notes stand under the table: the way of measuring, rows without figures, where quoted numbers come from.
func (c Comparison) notes() string {
	paragraphs := []string{c.Method}
	for _, l := range c.Rows {
		if l.Failure != nil {
			paragraphs = append(paragraphs, l.Row.Method+": "+l.Failure.Error)
		}
	}
	paragraphs = append(paragraphs, c.ownNote()...)
	paragraphs = append(paragraphs, c.quotedNote()...)
	for i, p := range paragraphs {
		paragraphs[i] = wrap(p, 100)
	}
	return strings.Join(paragraphs, "\n")
}

func (c Comparison) ownNote() []string {
	sets := map[string][]string{} // methods by data sets
	var order []string
	for _, l := range c.Rows {
		if l.Own == nil {
			continue
		}
		key := strings.Join(l.Own.DataSets, ", ")
		if sets[key] == nil {
			order = append(order, key)
		}
		sets[key] = append(sets[key], l.Row.Method)
	}
	var notes []string
	for _, key := range order {
		notes = append(notes, fmt.Sprintf("Own top-1: mean over %s, from the runs in %s (%s).", key, c.Results, strings.Join(sets[key], ", ")))
	}
	return notes
}

// quotedNote names each source once, with the methods it is the source of.
func (c Comparison) quotedNote() []string {
	if !c.Settings.asQuoted() {
		return []string{"Published numbers are of " + quotedBackbone + " at its own image size and would mislead beside this backbone's: none is quoted."}
	}
	notes := []string{"* Quoted, not measured here: ViT-B/16 pre-trained on ImageNet-21k, VTAB-1k as the mean of the three groups' means. Sources:"}
	add := func(what string, sourceOf func(published.Quote) string) {
		var order []string
		methods := map[string][]string{}
		for _, l := range c.Rows {
			source := sourceOf(*l.Quoted)
			if source == "" {
				continue
			}
			if methods[source] == nil {
				order = append(order, source)
			}
			methods[source] = append(methods[source], l.Row.Method)
		}
		for _, source := range order {
			notes = append(notes, fmt.Sprintf("  %s%s: %s", what, strings.Join(methods[source], ", "), source))
		}
	}
	add("", func(q published.Quote) string { return q.Source })
	add("GPU memory of ", func(q published.Quote) string { return q.MemorySource })
	if len(notes) == 1 {
		return nil
	}
	return notes
}

// wrap breaks a text into lines; those after the first are indented like it.
func wrap(text string, width int) string {
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	var lines []string
	line := indent
	for _, word := range strings.Fields(text) {
		if len([]rune(line))+1+len([]rune(word)) > width && strings.TrimSpace(line) != "" {
			lines = append(lines, line)
			line = indent + "  "
			if indent == "" {
				line = ""
			}
		}
		if strings.TrimSpace(line) != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}
