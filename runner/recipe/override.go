package recipe

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/spell"
)

// Overrides that replace no value of a recipe: the precision, and the tokens that the classifier reads (a backbone.Pool).
const (
	Precision = "precision"
	Pool      = "pool"
)

// settings are the names of the overrides that every method accepts, in the order of Overrides.String.
var settings = []string{"lr", "weight_decay", "drop_path", "epochs", "batch", Precision, Pool}

// Overrides replace values of recipes, by name: lr, weight_decay, drop_path, epochs, batch, precision, pool, or an option of a
// method, such as kernel.
type Overrides map[string]string

// ParseOverrides parses a list of overrides like "lr=0.003,drop_path=0.1".
func ParseOverrides(text string, options []string) (Overrides, error) {
	o := Overrides{}
	if strings.TrimSpace(text) == "" {
		return o, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, value, err := ParseOverride(part, options)
		if err != nil {
			return nil, err
		}
		if _, twice := o[name]; twice {
			return nil, fmt.Errorf("%s is given twice", name)
		}
		o[name] = value
	}
	return o, nil
}

// ParseOverride parses NAME=VALUE. The name is that of a setting or of one of the options; case does not count, and dashes
// and underscores are the same. The error for an unknown name suggests the nearest.
func ParseOverride(text string, options []string) (name, value string, err error) {
	name, value, ok := strings.Cut(text, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok || name == "" || value == "" {
		return "", "", fmt.Errorf("%q: want NAME=VALUE, separated by commas", text)
	}
	if name, err = settingOf(name, options); err != nil {
		return "", "", err
	}
	return name, value, new(Recipe).set(name, value)
}

// settingOf returns the usual spelling of a name.
func settingOf(name string, options []string) (string, error) {
	known := slices.Concat(settings, options)
	fold := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "-", "_")) }
	i := slices.IndexFunc(known, func(k string) bool { return fold(k) == fold(name) })
	if i < 0 {
		return "", fmt.Errorf("%q is not a setting of a recipe%s; use one of %s", name, spell.DidYouMean(name, known), strings.Join(known, ", "))
	}
	return known[i], nil
}

// For returns the overrides without options other than those given.
func (o Overrides) For(options []string) Overrides {
	o = maps.Clone(o)
	maps.DeleteFunc(o, func(name, _ string) bool { return !slices.Contains(settings, name) && !slices.Contains(options, name) })
	return o
}

// String formats the overrides for ParseOverrides, options of methods last.
func (o Overrides) String() string {
	options := slices.DeleteFunc(slices.Sorted(maps.Keys(o)), func(name string) bool { return slices.Contains(settings, name) })
	var parts []string
	for _, name := range slices.Concat(settings, options) {
		if value, ok := o[name]; ok {
			parts = append(parts, name+"="+value)
		}
	}
	return strings.Join(parts, ",")
}

// With returns the recipe with some values replaced. It parses numbers, but does not check their limits.
func (r Recipe) With(o Overrides) (Recipe, error) {
	r.Options = maps.Clone(r.Options)
	for name, value := range o {
		if err := r.set(name, value); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (r *Recipe) set(name, value string) (err error) {
	switch name {
	case "lr":
		r.LR, err = strconv.ParseFloat(value, 64)
	case "weight_decay":
		r.WeightDecay, err = strconv.ParseFloat(value, 64)
	case "drop_path":
		r.DropPath, err = strconv.ParseFloat(value, 64)
	case "epochs":
		r.Epochs, err = strconv.Atoi(value)
	case "batch":
		r.Batch, err = strconv.Atoi(value)
	case Precision:
		_, err = graph.ParsePrecision(value)
		return err
	case Pool:
		_, err = backbone.ParsePool(value)
		return err
	default:
		if r.Options == nil {
			r.Options = map[string]string{}
		}
		r.Options[name] = value
	}
	if err != nil {
		return fmt.Errorf("%s=%s: %q is not a number that %s can be", name, value, value, name)
	}
	return nil
}
