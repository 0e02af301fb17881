package vtab

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/runner"
	"dtl-tf/runner/recipe"
)

// maxPoints is more than anyone trains, and less than a typing mistake in a grid can ask for.
const maxPoints = 10_000

// axis is a setting in a grid with its values, as typed.
type axis struct {
	name   string
	values []string
}

// grid is the value of --grid, such as "lr=1e-3,5e-3;drop_path=0,0.1".
type grid []axis

// parseGrid parses a grid of settings that every recipe has, and of options of methods. "" has no axes. Its errors are UsageErrors.
func parseGrid(text string, options []string) (g grid, err error) {
	if text == "" {
		return nil, nil
	}
	count := 1
	for part := range strings.SplitSeq(text, ";") {
		setting, values, ok := strings.Cut(part, "=")
		if !ok {
			return nil, runner.Usagef("--grid: %q: want NAME=VALUE,VALUE,... and a semicolon before the next name", part)
		}
		if count *= strings.Count(values, ",") + 1; count > maxPoints {
			return nil, runner.Usagef("--grid has more than %d points", maxPoints)
		}
		var a axis
		for text := range strings.SplitSeq(values, ",") {
			name, value, err := recipe.ParseOverride(setting+"="+text, options)
			if err != nil {
				return nil, runner.Usagef("--grid: %w", err)
			}
			if strings.ContainsAny(value, `/\`) { // points are names of folders
				return nil, runner.Usagef("--grid: %s=%s: %q is not a value of a setting", name, value, value)
			}
			if a.name = name; !slices.Contains(a.values, value) {
				a.values = append(a.values, value)
			}
		}
		if slices.Contains(g.names(), a.name) {
			return nil, runner.Usagef("--grid: %s is given twice", a.name)
		}
		g = append(g, a)
	}
	return g, nil
}

// names lists the settings.
func (g grid) names() (list []string) {
	for _, a := range g {
		list = append(list, a.name)
	}
	return list
}

// of returns the grid without options that a method lacks.
func (g grid) of(method string) (mine grid) {
	for _, a := range g {
		if len(recipe.Overrides{a.name: ""}.For(dtl.OptionNames(method))) > 0 {
			mine = append(mine, a)
		}
	}
	return mine
}

// points combines the values of the settings. The first setting varies fastest. An empty grid has a single point that overrides nothing.
func (g grid) points() []recipe.Overrides {
	points := []recipe.Overrides{{}}
	for _, a := range g {
		var more []recipe.Overrides
		for _, value := range a.values {
			for _, point := range points {
				point = maps.Clone(point)
				point[a.name] = value
				more = append(more, point)
			}
		}
		points = more
	}
	return points
}

// String formats the grid for parseGrid.
func (g grid) String() string {
	var parts []string
	for _, a := range g {
		parts = append(parts, a.name+"="+strings.Join(a.values, ","))
	}
	return strings.Join(parts, ";")
}

// end returns "smallest" or "largest" if a value is at an end of three numbers or more that continues: the smallest of several that include 0
// is not one.
func (a axis) end(value string) string {
	var numbers []float64
	for _, v := range a.values {
		n, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return ""
		}
		numbers = append(numbers, n)
	}
	n, err := strconv.ParseFloat(value, 64)
	switch {
	case err != nil || len(numbers) < 3 || n == 0:
		return ""
	case n == slices.Min(numbers):
		return "smallest"
	case n == slices.Max(numbers):
		return "largest"
	}
	return ""
}
