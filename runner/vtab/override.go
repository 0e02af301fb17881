package vtab

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/runner/suite"
)

// The overrides that no recipe has a value for: how a run computes, and which tokens the classifier reads (mean or cls).
const (
	Precision = "precision"
	Pool      = "pool"
)

// settings are the values of a recipe that every method has.
var settings = []string{"lr", "weight_decay", "drop_path", "epochs", "batch", Precision, Pool}

// Overrides replace values of recipes: lr, weight_decay, drop_path, epochs, batch, precision, pool, or an
// option of a method such as kernel.
type Overrides map[string]string

// ParseOverrides reads "lr=0.003,drop_path=0.1". Options are the names of all methods' options. Dashes and
// underscores are the same. An unknown name is refused with the nearest.
func ParseOverrides(text string, options []string) (Overrides, error) {
	o := Overrides{}
	if strings.TrimSpace(text) == "" {
		return o, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(part, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || value == "" {
			return nil, fmt.Errorf("%q: want NAME=VALUE, separated by commas", part)
		}
		name, err := settingOf(name, options)
		if err != nil {
			return nil, err
		}
		if _, twice := o[name]; twice {
			return nil, fmt.Errorf("%s is given twice", name)
		}
		o[name] = value
		if _, err := (Recipe{}).With(Overrides{name: value}); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// settingOf is the proper spelling of a setting.
func settingOf(name string, options []string) (string, error) {
	known := append(slices.Clone(settings), options...)
	for _, k := range known {
		if strings.EqualFold(strings.ReplaceAll(k, "-", "_"), strings.ReplaceAll(name, "-", "_")) {
			return k, nil
		}
	}
	return "", fmt.Errorf("%q is no setting of a recipe%s; there are %s", name, suite.Nearest(name, known), strings.Join(known, ", "))
}

// For leaves out the options that a method does not have.
func (o Overrides) For(options []string) Overrides {
	kept := Overrides{}
	for name, value := range o {
		if slices.Contains(settings, name) || slices.Contains(options, name) {
			kept[name] = value
		}
	}
	return kept
}

// String is the form that ParseOverrides reads, the recipe's own values first.
func (o Overrides) String() string {
	var parts []string
	rest := maps.Clone(o)
	for _, name := range settings {
		if value, ok := o[name]; ok {
			parts = append(parts, name+"="+value)
			delete(rest, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		parts = append(parts, name+"="+rest[name])
	}
	return strings.Join(parts, ",")
}

// With is the recipe with some values replaced. It does not check what values make sense; training does.
func (r Recipe) With(o Overrides) (Recipe, error) {
	r.Options = maps.Clone(r.Options)
	for name, value := range o {
		var err error
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
		case Precision: // not the recipe's
			if _, err := graph.ParsePrecision(value); err != nil {
				return r, err
			}
		case Pool: // not the recipe's
			if _, err := backbone.ParsePool(value); err != nil {
				return r, err
			}
		default:
			if r.Options == nil {
				r.Options = map[string]string{}
			}
			r.Options[name] = value
		}
		if err != nil {
			return r, fmt.Errorf("%s=%s: %q is not a number that %s can be", name, value, value, name)
		}
	}
	return r, nil
}
