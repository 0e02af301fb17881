package domain

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/finetune"
)

// openOwn parses the user's own domains, NAME=FOLDER each. Check opens the folders.
func openOwn(source string, targets []string) (*experiment, error) {
	name, folder, err := parseDomain("source", source)
	if err != nil {
		return nil, err
	}
	e := &experiment{source: name, folder: folder}
	if len(targets) == 0 {
		return nil, runner.Usagef("--target is required with --source: name at least one other domain, such as --target sketch=FOLDER")
	}
	for _, text := range targets {
		name, folder, err := parseDomain("target", text)
		if err != nil {
			return nil, err
		}
		twice := name == e.source || slices.ContainsFunc(e.targets, func(t finetune.Target) bool { return t.Name == name })
		if twice {
			return nil, runner.Usagef("--target %s: two domains have the name %s: give each its own", text, name)
		}
		e.targets = append(e.targets, finetune.Target{Name: name, Folder: folder})
	}
	return e, nil
}

// parseDomain parses NAME=FOLDER, the value of a flag.
func parseDomain(flag, text string) (name, folder string, err error) {
	name, folder, ok := strings.Cut(text, "=")
	name, folder = strings.TrimSpace(name), strings.TrimSpace(folder)
	if !ok || name == "" || folder == "" {
		return "", "", runner.Usagef("--%s %q: want NAME=FOLDER, such as photo=pacs/photo", flag, text)
	}
	if err := checkName(name); err != nil {
		return "", "", runner.Usagef("--%s %q: %w", flag, text, err)
	}
	return name, filepath.Clean(folder), nil
}

// checkName validates the name of a domain, which is part of the names of folders and the head of a column.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("the name of a domain is missing")
	case strings.ContainsAny(name, "/\\,=\n\t"), strings.HasPrefix(name, "."):
		return fmt.Errorf("a domain can't have the name %q: use letters, digits, dashes and underscores", name)
	case slices.Contains([]string{data.Train, data.Val, data.TrainVal, data.Test}, name):
		return fmt.Errorf("a domain can't have the name %s, which is that of a split", name)
	}
	return nil
}
