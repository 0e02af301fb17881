package finetune

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/graph/spell"
	"dtl-tf/runner"
)

// maxSettings is a limit that a useful sweep does not reach and a typing mistake does. The graph grows with each setting.
const maxSettings = 100

// ownKeys are the settings in a grid that every method has. The others are the method's options.
var ownKeys = []string{"lr", "weight-decay", "drop-path", "seed"}

// axis is a setting in a grid with its values, as typed.
type axis struct {
	name   string
	values []string
}

// parseGrid parses the value of --sweep, such as "lr=1e-3,3e-3;rank=2,4". Dashes and underscores in names are the same. Its errors are
// UsageErrors.
func parseGrid(text, method string) (axes []axis, err error) {
	known, count := slices.Concat(ownKeys, dtl.OptionNames(method)), 1
	for part := range strings.SplitSeq(text, ";") {
		name, list, ok := strings.Cut(part, "=")
		name = strings.ReplaceAll(strings.TrimSpace(name), "_", "-")
		switch {
		case !ok || name == "" || strings.TrimSpace(list) == "":
			return nil, runner.Usagef("--sweep: %q: want NAME=VALUE,VALUE,... and a semicolon before the next name", part)
		case !slices.Contains(known, name):
			return nil, runner.Usagef("--sweep: %q is not a setting in which runs of the method %s can differ%s; use one of %s",
				name, method, spell.DidYouMean(name, known), strings.Join(known, ", "))
		case slices.ContainsFunc(axes, func(a axis) bool { return a.name == name }):
			return nil, runner.Usagef("--sweep: %s is given twice", name)
		}
		a := axis{name: name}
		var seen []string
		for value := range strings.SplitSeq(list, ",") {
			value = strings.TrimSpace(value)
			number, err := normal(name, value)
			if err != nil {
				return nil, err
			}
			if slices.Contains(seen, number) {
				return nil, runner.Usagef("--sweep: %s has the value %s twice", name, value)
			}
			seen, a.values = append(seen, number), append(a.values, value)
		}
		axes = append(axes, a)
		if count *= len(a.values); count > maxSettings {
			return nil, runner.Usagef("--sweep has more than %d settings", maxSettings)
		}
	}
	return axes, nil
}

// normal is the usual spelling of a value.
func normal(name, value string) (string, error) {
	if name == "seed" {
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return "", runner.Usagef("--sweep: seed=%s: %q is not a whole number from 0 on", value, value)
		}
		return strconv.FormatUint(n, 10), nil
	}
	x, err := strconv.ParseFloat(value, 64) // options too: a list of sizes has commas, which a grid can't have
	if err != nil {
		return "", runner.Usagef("--sweep: %s=%s: %q is not a number", name, value, value)
	}
	return strconv.FormatFloat(x, 'g', -1, 64), nil
}

// setting is a setting with its value, as typed.
type setting struct{ name, value string }

// point is one value of each axis, in their order.
type point []setting

// points returns the product of the axes. The last one varies fastest.
func points(axes []axis) []point {
	list := []point{nil}
	for _, a := range axes {
		var longer []point
		for _, p := range list {
			for _, value := range a.values {
				longer = append(longer, append(slices.Clone(p), setting{a.name, value}))
			}
		}
		list = longer
	}
	return list
}

// String names a point, as its folder is called: "lr=1e-3,rank=2".
func (p point) String() string {
	var parts []string
	for _, s := range p {
		parts = append(parts, s.name+"="+s.value)
	}
	return strings.Join(parts, ",")
}

// apply returns the settings at a point.
func (p point) apply(c Config) Config {
	c.Options = maps.Clone(c.Options)
	if c.Options == nil {
		c.Options = dtl.Options{}
	}
	for _, s := range p {
		number, _ := strconv.ParseFloat(s.value, 64) // see normal
		switch s.name {
		case "lr":
			c.LearningRate = number
		case "weight-decay":
			c.WeightDecay = number
		case "drop-path":
			c.DropPath = number
		case "seed":
			c.Seed, _ = strconv.ParseUint(s.value, 10, 64)
		default:
			c.Options[s.name] = s.value
		}
	}
	return c
}

// check validates the settings at a point as those of a run.
func (p point) check(c Config) error {
	one := p.apply(c)
	switch err := one.checkSettings(); {
	case err != nil:
		return fmt.Errorf("--sweep: %s: %w", p, err)
	case one.LearningRate <= 0 && slices.ContainsFunc(p, func(s setting) bool { return s.name == "lr" }):
		return runner.Usagef("--sweep: %s is not possible: a learning rate must be above 0", p)
	}
	return nil
}
