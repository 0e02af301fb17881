package backbone

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Source says where a value came from: one of the constants, or the name of a companion file.
type Source string

// The sources other than companion files.
const (
	FromFlag    Source = "flag"
	FromAdapter Source = "adapter"      // the adapter's metadata
	FromFile    Source = "file"         // the tensors' shapes, or the description in a SavedModel
	FromFormat  Source = "format"       // documented for files of this layout
	FromNames   Source = "names"        // the names of the tensors, which show the library and the kind of network
	FromName    Source = "architecture" // a name or description of an architecture with random weights
	FromLineage Source = "lineage"      // usual for the published networks of this form (see Architecture.Lineage)
	FromGuess   Source = "guess"        // no source
)

// Sources says where each of the values came from that files may leave open.
type Sources struct {
	Blocks Source `json:"blocks"` // that blocks are pre-norm, with GELU
	Heads  Source `json:"heads"`
	Image  Source `json:"image_size"`
	Eps    Source `json:"layer_norm_eps"`
	// Activation is empty unless the published networks of the architecture's form differ in it, or a file tells it apart.
	Activation Source `json:"activation,omitempty"`
	Mean       Source `json:"mean"`
	Std        Source `json:"std"`
	Pool       Source `json:"pool"`
}

// every is the same source for all values.
func every(s Source) Sources {
	return Sources{Blocks: s, Heads: s, Image: s, Eps: s, Mean: s, Std: s, Pool: s}
}

// quiet tells whether Note leaves a source out.
func (bb *Backbone) quiet(s Source) bool {
	switch s {
	case "", FromFlag, FromAdapter, FromFile, FromFormat, FromLineage, FromNames, FromName, bb.sidecar:
		return true
	}
	return false
}

// Note says in one line which values are guessed and which come from companion files of other programs, "" if there are none. The
// pooling for the own head is left out unless that head is used.
func (bb *Backbone) Note(ownHead bool) string {
	s := bb.Sources
	if !ownHead || bb.Classes() == 0 {
		s.Pool = FromFile
	}
	blocks := "pre-norm blocks with GELU"
	if s.Activation != "" {
		blocks = "pre-norm blocks"
	}
	var order []Source
	by := map[Source][]string{}
	for _, v := range []struct {
		source Source
		what   string
	}{
		{s.Blocks, blocks}, {s.Heads, fmt.Sprintf("%d heads", bb.Heads())}, {s.Image, fmt.Sprintf("image size %d", bb.ImageSize())}, {s.Eps, fmt.Sprintf("layer_norm_eps %v", bb.NormEps())},
		{s.Activation, fmt.Sprintf("activation %s", bb.Activation())},
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
