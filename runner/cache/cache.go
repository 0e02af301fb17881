// Package cache lists and removes the feature caches of a folder.
package cache

import (
	"fmt"
	"path/filepath"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/feature"
	"dtl-tf/runner/report"
)

// folder returns the folder of feature caches, [feature.UserFolder] for "".
func folder(dir string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	return feature.UserFolder()
}

// List prints the feature caches in a folder.
func List(dir, format string, ui runner.UI) error {
	dir, err := folder(dir)
	if err != nil {
		return err
	}
	list, err := feature.List(dir)
	if err != nil {
		return err
	}
	if len(list) == 0 && format == report.Text {
		_, err := fmt.Fprintf(ui.Out, "no feature caches in %s\n", dir)
		return err
	}
	total := int64(0)
	table := report.Table{
		Columns: []report.Column{
			{Key: "name", Title: "name"},
			{Key: "backbone", Title: "backbone"},
			{Key: "data", Title: "first\nwritten for"},
			{Key: "image_size", Title: "image\nsize", Right: true},
			{Key: "stored_in", Title: "stored\nin"},
			{Key: "computed_in", Data: true},
			{Key: "images", Title: "images", Right: true, Text: report.Thousands},
			{Key: "values", Title: "values", Right: true},
			{Key: "bytes", Title: "size", Right: true, Text: func(v any) string { return report.Bytes(v.(int64)) }},
			{Key: "last_use", Title: "last use"},
			{Key: "problem", Data: true},
			{Key: "program", Data: true},
			{Key: "device", Data: true},
		},
	}
	for _, e := range list {
		total += e.Bytes
		var used any
		if !e.Used.IsZero() {
			used = e.Used.Format("2006-01-02 15:04")
		}
		row := []any{
			e.Name, e.About.Backbone, e.About.Data, e.Key.ImageSize, e.Key.Stored, e.Key.Computed, e.Images, len(e.Values), e.Bytes, used,
			nil, e.Key.Program, e.Key.Device,
		}
		if e.Problem != "" { // nothing else is known
			row = []any{e.Name, nil, nil, nil, nil, nil, nil, nil, e.Bytes, used, e.Problem, nil, nil}
			table.Note += fmt.Sprintf("%s can't be used: %s.\n", e.Name, e.Problem)
		}
		table.Rows = append(table.Rows, row)
	}
	table.Note += fmt.Sprintf("%s in %s.", report.Bytes(total), dir)
	return table.Render(ui.Out, format)
}

// Clear removes the named feature caches from a folder, or all if names is empty, and prints what it removed.
func Clear(dir string, names []string, ui runner.UI) error {
	dir, err := folder(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name != filepath.Base(name) || strings.Trim(name, ".") == "" {
			return runner.Usagef("%q is not the name of a feature cache: see 'dtl-tf cache list'", name)
		}
	}
	removed, bytes, err := feature.Clear(dir, names...)
	for _, name := range removed {
		if _, err := fmt.Fprintf(ui.Out, "removed %s\n", name); err != nil {
			return err
		}
	}
	switch {
	case err != nil:
		return err
	case len(removed) == 0:
		_, err = fmt.Fprintf(ui.Out, "no feature caches in %s\n", dir)
	default:
		_, err = fmt.Fprintf(ui.Out, "%s free in %s\n", report.Bytes(bytes), dir)
	}
	return err
}
