package adapter

import (
	"cmp"
	"context"
	"fmt"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/result"
)

// Adapted is a backbone with a fitting adapter, and the configuration of their model.
type Adapted struct {
	Backbone   *backbone.Backbone
	Adapter    *result.Adapter
	Config     dtl.Config
	Options    dtl.Options
	ClassNames []string // nil if the adapter has none
	TestResize int      // side to which images are scaled before their centre is cut out; 0: that of the model
	Several    bool     // an image has any number of classes: probabilities are sigmoids of the logits
	Upright    bool     // images are turned as their EXIF orientation says
}

// Images says how the images of the adapter are made of files, without a decoder.
func (a *Adapted) Images() data.Images {
	return data.Images{Size: a.Backbone.ImageSize(), Resize: a.TestResize, Upright: a.Upright}
}

// Open reads backbone and adapter and checks that they fit.
func Open(ctx context.Context, c runner.AdaptedConfig, note runner.NoteFunc) (*Adapted, error) {
	adapter, err := Read(c.Adapter, note)
	if err != nil {
		return nil, err
	}
	bb, err := load(ctx, adapter, c.Backbone)
	if err != nil {
		return nil, err
	}
	a, err := onto(ctx, adapter, bb, c.Method, note)
	if err != nil {
		return nil, err
	}
	noteSources(adapter, bb, note)
	return a, nil
}

// onto checks that an adapter fits a backbone.
func onto(ctx context.Context, adapter *result.Adapter, bb *backbone.Backbone, m runner.MethodConfig, note runner.NoteFunc) (*Adapted, error) {
	if err := cmp.Or(SameFamily(adapter, bb), sameWeights(adapter, bb)); err != nil { // first, because the settings may not fit another backbone
		return nil, err
	}
	s, err := Settings(adapter, m, bb.Architecture)
	if err != nil {
		return nil, err
	}
	NoteForeign(ctx, adapter, m, s, bb, note)
	a := &Adapted{Backbone: bb, Adapter: adapter, Options: s.Options}
	classes, err := Classes(adapter)
	if err != nil {
		return nil, err
	}
	if a.ClassNames, err = ClassNames(adapter, classes); err != nil {
		return nil, err
	}
	if a.TestResize, err = testResize(adapter, bb.ImageSize()); err != nil {
		return nil, err
	}
	if a.Upright, err = turnsUpright(adapter); err != nil {
		return nil, err
	}
	if a.Several, err = SeveralClasses(adapter); err != nil {
		return nil, err
	}
	precision := graph.FP32
	if name, ok := adapter.Meta[keyPrecision]; ok {
		if precision, err = graph.ParsePrecision(name); err != nil {
			return nil, fmt.Errorf("adapter %s: metadata %s: %w", adapter.Path, keyPrecision, err)
		}
	}
	a.Config = dtl.Config{
		Arch: bb.Architecture, Mean: bb.Mean, Std: bb.Std, Method: s.Method, Pool: s.Pool, Classes: classes, Precision: precision,
	}
	wanted, err := shapesOf(a.Config)
	if err != nil {
		return nil, err
	}
	if err := Fits(adapter, bb, wanted); err != nil {
		return nil, err
	}
	return a, nil
}

// SeveralClasses reports whether an adapter was trained with --loss bce, so that an image has any number of classes.
func SeveralClasses(a *result.Adapter) (bool, error) {
	loss, ok := a.Meta[result.KeyLoss]
	if ok && loss != result.LossSeveral {
		return false, fmt.Errorf("adapter %s: metadata %s is %q, want %s", a.Path, result.KeyLoss, loss, result.LossSeveral)
	}
	return ok, nil
}

// testResize is the side to which images were scaled for the tests of the adapter, 0 if that is the size of the model's images.
func testResize(a *result.Adapter, size int) (int, error) {
	n, ok, err := a.Int(result.KeyTestResize)
	if err == nil && ok && (n < size || n > maxTestResize) {
		err = fmt.Errorf("adapter %s: metadata %s is %d, want %d to %d", a.Path, result.KeyTestResize, n, size, maxTestResize)
	}
	return n, err
}

// turnsUpright reports whether the adapter was trained on images turned as their EXIF orientation says.
func turnsUpright(a *result.Adapter) (bool, error) {
	text, ok := a.Meta[result.KeyExif]
	if ok && text != "on" && text != "off" {
		return false, fmt.Errorf("adapter %s: metadata %s is %q, want on or off", a.Path, result.KeyExif, text)
	}
	return text == "on", nil
}

// Turned says in words how images are used.
func Turned(upright bool) string {
	if upright {
		return "turned upright as EXIF says (--exif on)"
	}
	return "as they are stored (--exif off)"
}

// maxTestResize bounds the memory for an image to 3 GiB / 16.
const maxTestResize = 1 << 13

// load reads the backbone with the settings that the user left open from the adapter.
func load(ctx context.Context, a *result.Adapter, c runner.BackboneConfig) (*backbone.Backbone, error) {
	c, err := c.Local(ctx)
	if err != nil {
		return nil, err
	}
	given := c
	if err := takeOver(a, &c); err != nil {
		return nil, err
	}
	bb, err := c.Load(ctx)
	if err == nil {
		return bb, SameFamily(a, bb)
	}
	// The settings of an adapter of another family need not fit.
	if bare, bareErr := given.Load(ctx); bareErr == nil {
		err = cmp.Or(SameFamily(a, bare), err)
		if c.Path == "" { // the user has named no backbone, and the adapter's settings do not fit the built-in one
			err = cmp.Or(sameWeights(a, bare), err)
		}
	}
	return nil, err
}

// takeOver fills the backbone settings that the user left open from the adapter.
func takeOver(a *result.Adapter, c *runner.BackboneConfig) error {
	says := &runner.AdapterSays{Beside: Official}
	c.Adapter = says
	if _, err := agreeInt(a, "image-size", result.KeyImageSize, &c.ImageSize); err != nil {
		return err
	}
	if set, err := agreeInt(a, "heads", keyHeads, &c.Heads); err != nil {
		return err
	} else if set {
		says.Sources.Heads = backbone.FromAdapter
	}
	if ok, err := a.JSON(keyEps, &says.Eps); err != nil {
		return err
	} else if !ok && !foreign(a) { // older adapters were trained with the usual one
		says.Eps = backbone.LayerNormEps
	}
	if name, ok := a.Meta[keyActivation]; ok {
		var err error
		if says.Activation, err = backbone.ParseActivation(name); err != nil {
			return fmt.Errorf("adapter %s: metadata %s: %w", a.Path, keyActivation, err)
		}
	} else if !foreign(a) { // likewise
		says.Activation = backbone.GELU
	}
	for _, n := range []struct {
		flag, key string
		value     **[3]float64
		source    *backbone.Source
	}{{"mean", result.KeyMean, &c.Mean, &says.Sources.Mean}, {"std", result.KeyStd, &c.Std, &says.Sources.Std}} {
		var list []float64
		ok, err := a.JSON(n.key, &list)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if len(list) != 3 {
			return fmt.Errorf("adapter %s: metadata %s has %d numbers, want 3", a.Path, n.key, len(list))
		}
		file := [3]float64(list)
		if *n.value == nil {
			*n.value, *n.source = &file, backbone.FromAdapter
		} else if **n.value != file {
			return runner.Usagef("--%s %v contradicts the adapter %s, which has %v", n.flag, **n.value, a.Path, file)
		}
	}
	return nil
}
