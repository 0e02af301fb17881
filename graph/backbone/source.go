package backbone

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Source says where a value came from: one of these, or the name of a JSON beside the weights.
type Source string

// The sources that are no file beside the weights.
const (
	FromFlag    Source = "flag"
	FromAdapter Source = "adapter"      // its metadata
	FromFile    Source = "file"         // the tensors' shapes, or the description in a SavedModel
	FromFormat  Source = "format"       // documented for files of this kind
	FromName    Source = "architecture" // named or described in words, with random weights
	FromGuess   Source = "guess"        // nothing tells
)

// Sources says where the values came from that not every file tells.
type Sources struct {
	Blocks Source `json:"blocks"` // that they are pre-norm, with GELU
	Heads  Source `json:"heads"`
	Eps    Source `json:"layer_norm_eps"`
	Mean   Source `json:"mean"`
	Std    Source `json:"std"`
	Pool   Source `json:"pool"`
}

// every is where all of a backbone came from.
func every(s Source) Sources { return Sources{s, s, s, s, s, s} }

// quiet tells the sources of which a user need not hear.
func (bb *Backbone) quiet(s Source) bool {
	switch s {
	case FromFlag, FromAdapter, FromFile, FromFormat, FromName, bb.sidecar:
		return true
	}
	return false
}

// Note says in one line what is guessed, and what was taken from which file that other programs wrote beside the weights. It
// is "" if there is nothing of the kind. What the own head sees is left out unless that head is used.
func (bb *Backbone) Note(ownHead bool) string {
	s := bb.Sources
	if !ownHead || bb.Classes() == 0 {
		s.Pool = FromFile
	}
	var order []Source
	by := map[Source][]string{}
	for _, v := range []struct {
		source Source
		what   string
	}{
		{s.Blocks, "pre-norm blocks with GELU"}, {s.Heads, fmt.Sprintf("%d heads", bb.Heads())}, {s.Eps, fmt.Sprintf("layer_norm_eps %v", bb.NormEps())},
		{s.Mean, fmt.Sprintf("mean %v", bb.Mean)}, {s.Std, fmt.Sprintf("std %v", bb.Std)}, {s.Pool, fmt.Sprintf("an own head that sees %s", bb.Pool)},
	} {
		if bb.quiet(v.source) {
			continue
		}
		if by[v.source] == nil {
			order = append(order, v.source)
		}
		by[v.source] = append(by[v.source], v.what)
	}
	parts := slices.Clone(bb.remarks)
	for _, source := range order {
		if source != FromGuess {
			parts = append(parts, fmt.Sprintf("from %s: %s", source, strings.Join(by[source], ", ")))
		}
	}
	if guessed := by[FromGuess]; guessed != nil {
		parts = append(parts, fmt.Sprintf("guessed, because nothing tells: %s (flags, %s, or the model's config.json beside the file can tell)",
			strings.Join(guessed, ", "), filepath.Base(Sidecar(bb.Path))))
	}
	if parts == nil {
		return ""
	}
	return fmt.Sprintf("backbone %s: %s", bb.Path, strings.Join(parts, "; "))
}
