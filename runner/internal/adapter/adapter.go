// Package adapter reads the adapters of this program and of the official implementation, and combines their settings of method and
// backbone with the user's.
package adapter

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/weight"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

// Metadata keys.
const (
	// keyWeights is the fingerprint of the backbone's weights. Unlike the SHA-256 of its file it is the same for the .npz, the
	// .safetensors and the SavedModel of a backbone.
	keyWeights   = "backbone_weights_sha256"
	keyPrecision = "precision" // of the matrix products in training
	// Some backbone files lack these three.
	keyHeads      = "heads"
	keyEps        = "layer_norm_eps"
	keyActivation = "activation"
	keyFamily     = "family" // of the backbone
)

// Meta is the metadata that an adapter file needs to be run again.
func Meta(s runner.Settings, bb *backbone.Backbone, classNames []string, classes int, precision, version string) result.Meta {
	m := result.Meta{
		result.KeyProgram:        "dtl-tf " + version,
		result.KeyMethod:         s.Method.Name(),
		result.KeyPool:           string(s.Pool),
		result.KeyBackboneSHA256: bb.SHA256,
		keyWeights:               bb.Fingerprint(),
		keyPrecision:             precision,
	}
	for name, value := range s.Options {
		m[metaKey(name)] = value
	}
	m.SetInt(result.KeyClasses, classes)
	m.SetInt(result.KeyImageSize, bb.ImageSize())
	m[keyFamily] = bb.Family()
	m.SetInt(keyHeads, bb.Heads())
	m[keyActivation] = string(bb.Activation())
	m[keyEps] = strconv.FormatFloat(bb.NormEps(), 'g', -1, 64)
	m.SetJSON(result.KeyMean, bb.Mean[:])
	m.SetJSON(result.KeyStd, bb.Std[:])
	if classNames != nil {
		m.SetJSON(result.KeyClassNames, classNames)
	}
	return m
}

// join combines the settings of an adapter file with the user's. For settings that the file lacks (those of the official
// implementation have no metadata) it takes the tensors' shapes or the user's flags. A flag that contradicts the file is an error.
func join(a *result.Adapter, c runner.MethodConfig) (runner.MethodConfig, error) {
	if err := agreeString(a, "method", methodOf(a), &c.Method); err != nil {
		return c, err
	}
	c.Method = cmp.Or(c.Method, "dtl")
	if err := agreeString(a, "pool", a.Meta[result.KeyPool], &c.Pool); err != nil {
		return c, err
	}
	options := dtl.Options{}
	maps.Copy(options, c.Options)
	for _, name := range dtl.OptionNames(c.Method) {
		value, ok := a.Meta[metaKey(name)]
		if n, found := optionOf(a.Tensors, name); !ok && found {
			value, ok = strconv.Itoa(n), true
		}
		if !ok {
			continue
		}
		if given, ok := options[name]; ok && !sameNumber(given, value) {
			return c, runner.Usagef("--%s %s contradicts the adapter %s, which has %s", name, given, a.Path, value)
		}
		options[name] = value
	}
	c.Options = options
	return c, nil
}

// Settings resolves the settings of an adapter file and the user together. It checks those of the file alone first, because their
// errors are not wrong usage.
func Settings(a *result.Adapter, c runner.MethodConfig, arch backbone.Architecture) (runner.Settings, error) {
	alone, err := join(a, runner.MethodConfig{})
	if err == nil {
		_, err = resolve(a, alone, arch)
	}
	var usage *runner.UsageError
	if errors.As(err, &usage) {
		err = usage.Err
	}
	if err != nil {
		return runner.Settings{}, fmt.Errorf("adapter %s: %w", a.Path, err)
	}
	joined, err := join(a, c)
	if err != nil {
		return runner.Settings{}, err
	}
	s, err := resolve(a, joined, arch)
	if err != nil {
		return runner.Settings{}, fmt.Errorf("with the adapter %s: %w", a.Path, err)
	}
	return s, nil
}

// resolve is runner.MethodConfig.Resolve, with the block where the feedback of a file without metadata is assumed to start: the
// paper's, or the first block with a map if that is later.
func resolve(a *result.Adapter, c runner.MethodConfig, arch backbone.Architecture) (runner.Settings, error) {
	first, ok := optionOf(a.Tensors, sideFrom)
	if _, given := c.Options[feedbackFrom]; !ok || given || !foreign(a) {
		return c.Resolve(arch)
	}
	paper := c
	paper.Options = maps.Clone(c.Options)
	delete(paper.Options, sideFrom)
	s, err := paper.Resolve(arch)
	if err != nil {
		return s, err
	}
	usual, err := strconv.Atoi(s.Options[feedbackFrom])
	if err != nil { // the method has no feedback
		return c.Resolve(arch)
	}
	paper.Options[sideFrom], paper.Options[feedbackFrom] = strconv.Itoa(first), strconv.Itoa(max(first, usual))
	return paper.Resolve(arch)
}

// metaKey is the metadata key of an option.
func metaKey(option string) string { return strings.ReplaceAll(option, "-", "_") }

// sameNumber compares two texts, as numbers if they are.
func sameNumber(a, b string) bool {
	x, errA := strconv.ParseFloat(a, 64)
	y, errB := strconv.ParseFloat(b, 64)
	if errA == nil && errB == nil {
		return x == y
	}
	return a == b
}

// agreeString sets value from the file. It fails if the user has set a different value.
func agreeString(a *result.Adapter, flag, file string, value *string) error {
	switch {
	case file == "":
	case *value == "":
		*value = file
	case *value != file:
		return runner.Usagef("--%s %s contradicts the adapter %s, which is of %s", flag, *value, a.Path, file)
	}
	return nil
}

// agreeInt sets value from the file, and returns whether it does. It fails if the user has set a different value.
func agreeInt(a *result.Adapter, flag, key string, value *int) (set bool, err error) {
	file, ok, err := a.Int(key)
	switch {
	case err != nil || !ok:
		return false, err
	case *value == 0:
		*value = file
		return true, nil
	case *value != file:
		return false, runner.Usagef("--%s %d contradicts the adapter %s, which has %d", flag, *value, a.Path, file)
	}
	return false, nil
}

// methodOf is the method of an adapter, from its metadata or else from the names of its tensors.
func methodOf(a *result.Adapter) string {
	if m, ok := a.Meta[result.KeyMethod]; ok {
		return m
	}
	return dtl.Recognise(a.Tensors.Names())
}

// Classes is the number of classes of an adapter.
func Classes(a *result.Adapter) (int, error) {
	t, ok := a.Tensors[dtl.HeadWeight]
	if slices.ContainsFunc(a.Tensors.Names(), func(name string) bool { return strings.HasPrefix(name, "base_model.model.") }) {
		return 0, fmt.Errorf("adapter %s is an adapter of PEFT: %s", a.Path, mergePEFT)
	}
	if !ok || len(t.Shape) != 2 || t.Shape[0] < 1 {
		return 0, fmt.Errorf("adapter %s has no classifier: the tensor %s [classes, width] is missing", a.Path, dtl.HeadWeight)
	}
	return t.Shape[0], nil
}

// SameFamily checks that an adapter was trained on a backbone of the same family.
func SameFamily(a *result.Adapter, bb *backbone.Backbone) error {
	family, ok := a.Meta[keyFamily]
	switch {
	case foreign(a):
		family = officialFamily(a.Tensors)
	case !ok:
		family = officialViT // earlier versions had no other
	}
	if family == "" || family == bb.Family() {
		return nil
	}
	return fmt.Errorf("adapter %s was trained on a %s, and the backbone %s is a %s: it does not fit%s",
		a.Path, backbone.Title(family), runner.DescribeBackbone(bb).Path, backbone.Title(bb.Family()), rightBackbone(a, bb))
}

// Fits checks that an adapter belongs to the backbone and has the tensors of a model.
func Fits(a *result.Adapter, bb *backbone.Backbone, wanted map[string][]int) error {
	if err := sameWeights(a, bb); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		shape := wanted[name]
		t, ok := a.Tensors[name]
		if !ok {
			return fmt.Errorf("adapter %s lacks the tensor %s %v: it is of another backbone or method", a.Path, name, shape)
		}
		if !slices.Equal(t.Shape, shape) {
			return fmt.Errorf("adapter %s: tensor %s has shape %v, want %v: it is of another backbone, method or number of classes", a.Path, name, t.Shape, shape)
		}
		if t.Float32() == nil {
			return fmt.Errorf("adapter %s: tensor %s does not hold floats", a.Path, name)
		}
	}
	for _, name := range a.Tensors.Names() {
		if _, ok := wanted[name]; !ok {
			return fmt.Errorf("adapter %s has the tensor %s, which the method does not have: is the --method right?", a.Path, name)
		}
	}
	return nil
}

// noteSources is runner.NoteSources for a backbone that the adapter fits. A fingerprint in the adapter confirms the heads.
func noteSources(a *result.Adapter, bb *backbone.Backbone, note runner.NoteFunc) {
	if _, ok := a.Meta[keyWeights]; ok {
		bb.Sources.Heads = backbone.FromAdapter
	}
	runner.NoteSources(bb, false, note)
}

// headsMayDiffer explains why the fingerprint of the right file may differ: it depends on the number of heads, which older adapters
// do not store.
func headsMayDiffer(a *result.Adapter, bb *backbone.Backbone) string {
	if _, ok := a.Meta[keyHeads]; ok || bb.Format != weight.Safetensors || bb.Sources.Heads == backbone.FromFlag {
		return ""
	}
	return fmt.Sprintf(" with %d heads (%s): if it was trained with another number, say so with --heads", bb.Heads(), bb.Sources.Heads)
}

// ClassNames are the names of an adapter's classes in the order of the logits, nil if it has none.
func ClassNames(a *result.Adapter, classes int) ([]string, error) {
	var names []string
	ok, err := a.JSON(result.KeyClassNames, &names)
	if err == nil && ok && len(names) != classes {
		err = fmt.Errorf("adapter %s: metadata %s has %d names, its classifier has %d classes", a.Path, result.KeyClassNames, len(names), classes)
	}
	return names, err
}
