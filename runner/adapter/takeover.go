package adapter

import (
	"fmt"

	"dtl-tf/graph/backbone"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

// TakeOver lets the adapter fill in the input size and normalisation that the user left open.
func TakeOver(a *result.Adapter, c *runner.BackboneConfig) error {
	says := &runner.AdapterSays{Beside: Official}
	c.Adapter = says
	size, ok, err := a.Int(result.KeyImageSize)
	if err != nil {
		return err
	}
	if ok {
		if c.ImageSize != 0 && c.ImageSize != size {
			return runner.Usagef("--image-size %d contradicts the adapter %s, which has %d", c.ImageSize, a.Path, size)
		}
		c.ImageSize = size
	}
	if err := takeOverShape(a, c); err != nil {
		return err
	}
	for _, n := range []struct {
		flag, key string
		value     **[3]float64
		source    *backbone.Source
	}{{"mean", result.KeyMean, &c.Mean, &says.Sources.Mean}, {"std", result.KeyStd, &c.Std, &says.Sources.Std}} {
		list, ok, err := a.Floats(n.key)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if len(list) != 3 {
			return fmt.Errorf("adapter %s: metadata %s has %d numbers, wanted are 3", a.Path, n.key, len(list))
		}
		file := [3]float64(list)
		if *n.value != nil && **n.value != file {
			return runner.Usagef("--%s %v contradicts the adapter %s, which has %v", n.flag, **n.value, a.Path, file)
		}
		if *n.value == nil {
			*n.source = backbone.FromAdapter
		}
		*n.value = &file
	}
	return nil
}

// takeOverShape takes heads and layer_norm_eps. An adapter without layer_norm_eps was trained with the usual one.
func takeOverShape(a *result.Adapter, c *runner.BackboneConfig) error {
	says := c.Adapter
	heads, ok, err := a.Int(keyHeads)
	if err != nil {
		return err
	}
	switch {
	case ok && c.Heads == 0:
		c.Heads, says.Sources.Heads = heads, backbone.FromAdapter
	case ok && c.Heads != heads:
		return runner.Usagef("--heads %d contradicts the adapter %s, which has %d", c.Heads, a.Path, heads)
	}
	if says.Eps, ok, err = a.Float(keyEps); err == nil && !ok && !foreign(a) {
		says.Eps = backbone.LayerNormEps
	}
	return err
}
