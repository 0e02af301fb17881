// Package naming renames the tensors of ViTs from the names and shapes of other libraries to timm's
// (timm, vision_transformer.py, eva.py and beit.py). It recognises a library by the names alone. A tensor that it can't explain
// gets a name that timm does not have, so that the reader refuses it. It knows nothing of a forward pass.
package naming

import (
	"fmt"
	"slices"
	"strings"

	"dtl-tf/graph/tensor"
)

// Library is whose names a file has, for display.
type Library string

// The libraries.
const (
	TIMM        Library = "timm"
	HuggingFace Library = "Hugging Face transformers"
	Original    Library = "the original repository"
	OpenCLIP    Library = "OpenAI CLIP and OpenCLIP"
	Torchvision Library = "torchvision"
)

// Result is a file's tensors in timm's names and shapes, and what the names in the file tell.
type Result struct {
	Tensors   tensor.Map
	Library   Library
	Family    Family
	Defaults  Defaults
	Positions Resampling // how the library resamples position embeddings

	Prefix  string   // in front of the backbone's names in the file, "" for none
	Skipped []string // beginnings of the names of tensors outside of the backbone, such as a text tower's
	Unused  []string // names of tensors without effect on the features: buffers, and what served pre-training only

	naming  *naming
	sources map[string]string // names in the file by timm's
}

// naming is the names of one library.
type naming struct {
	library Library
	// anchor is the name of the patch embedding's kernel, and behind the name of which part of a larger model: "trunk.".
	anchor, part string
	// owns tells whether a file with the anchor has this naming; nil: always.
	owns func(v view) bool

	inside    []pair              // names behind the prefix
	outside   []pair              // names behind a part of the prefix, such as a classifier's
	skipped   []string            // beginnings of names outside of the backbone
	finish    func(w *work) error // changes what no pair expresses; nil: nothing
	positions func(*work, Family) Resampling
	defaults  func(*work, Family) Defaults // nil: the family's
}

// namings are in the order in which they are tried: the most specific first.
var namings = slices.Concat(huggingFace, openCLIP, original, []naming{torchvision, timmTower, timm})

// Rename recognises the naming of a file's tensors and renames them to timm's names and shapes. ok is false if it recognises
// none. It fails if a tensor is missing that others need, and if the file has several backbones. Tensors are shared with m unless
// they are concatenated or transposed.
func Rename(m tensor.Map) (r Result, ok bool, err error) {
	names := m.Names()
	for i := range namings {
		n := &namings[i]
		prefix, found, err := n.find(m, names)
		if err != nil {
			return Result{}, false, err
		}
		if !found {
			continue
		}
		w := newWork(n, prefix)
		for _, name := range names {
			if err := w.add(name, m[name]); err != nil {
				return Result{}, false, err
			}
		}
		if err := w.done(); err != nil {
			return Result{}, false, err
		}
		r = Result{Tensors: w.out, Library: n.library, Prefix: prefix, Skipped: w.elsewhere, Unused: w.unused, naming: n, sources: w.sources}
		r.Family = w.family(names)
		r.Positions = n.positions(w, r.Family)
		if r.Defaults = r.Family.defaults(); n.defaults != nil {
			r.Defaults = n.defaults(w, r.Family)
		}
		return r, true, nil
	}
	return Result{}, false, nil
}

// find finds the prefix behind which a file has the naming.
func (n *naming) find(m tensor.Map, names []string) (prefix string, found bool, err error) {
	var prefixes []string
	for _, name := range names {
		p, ok := strings.CutSuffix(name, n.anchor)
		if !ok || !knownPrefix(p) || !strings.HasSuffix(p, n.part) {
			continue
		}
		if n.owns == nil || n.owns(view{m, names, p}) {
			prefixes = append(prefixes, p)
		}
	}
	if len(prefixes) == 2 && strings.Contains(prefixes[1], teacher) && prefixes[0] == strings.Replace(prefixes[1], teacher, student, 1) {
		prefixes = prefixes[1:] // self-distillation: the teacher, an average of the student, is the published network
	}
	switch len(prefixes) {
	case 0:
		return "", false, nil
	case 1:
		return prefixes[0], true, nil
	}
	return "", false, fmt.Errorf("it has %d backbones, with names that begin with %s: keep the tensors of one", len(prefixes), strings.Join(prefixes, " and "))
}

// view is the tensors of a file behind a prefix.
type view struct {
	tensors tensor.Map
	names   []string
	prefix  string
}

// has tells whether a name has the pattern.
func (v view) has(pattern string) bool {
	return slices.ContainsFunc(v.names, func(name string) bool {
		inside, ok := strings.CutPrefix(name, v.prefix)
		_, matches := match(pattern, inside)
		return ok && matches
	})
}

// anyOf owns a file that has a name of one of the patterns.
func anyOf(patterns ...string) func(v view) bool {
	return func(v view) bool { return slices.ContainsFunc(patterns, v.has) }
}

// Name is the name in the file of a tensor with a timm name. For a tensor that the file lacks it is the one that the library
// gives it; for a concatenated tensor it is the first of its parts.
func (r Result) Name(timm string) string {
	if name, ok := r.sources[timm]; ok {
		return name
	}
	if name, ok := sourceOf(r.naming.inside, timm); ok {
		return r.Prefix + name
	}
	if name, ok := sourceOf(r.naming.outside, timm); ok {
		around := levels(r.Prefix)
		return around[max(len(around)-2, 0)] + name
	}
	return timm
}

// sourceOf is the name of the first pair for a timm name.
func sourceOf(pairs []pair, timm string) (string, bool) {
	for _, p := range pairs {
		if found, ok := match(p.to, timm); ok && p.to != "" {
			return found.fill(p.from), true
		}
	}
	return "", false
}
