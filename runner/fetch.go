package runner

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"dtl-tf/runner/hub"
	"dtl-tf/runner/report"
)

// Fetch downloads a model, named as REPO[@REVISION], from a hub into the cache. file names the weights of a model that has several.
func Fetch(ctx context.Context, name, file string, ui UI) (hub.Model, error) {
	if file != "" {
		if err := hub.CheckFile(file); err != nil {
			return hub.Model{}, &UsageError{err}
		}
	}
	ref, h, err := openHub(name, ui)
	if err != nil {
		return hub.Model{}, err
	}
	return h.Fetch(ctx, ref, file)
}

// Local returns the configuration with the path of a backbone on the disk: one of a hub, hf:REPO[@REVISION], is downloaded unless
// the cache has it.
func (c BackboneConfig) Local(ctx context.Context) (BackboneConfig, error) {
	name, remote := strings.CutPrefix(c.Path, hub.Prefix)
	if !remote {
		c.Screen = nil
		return c, nil
	}
	ref, h, err := openHub(name, UI{Err: c.Screen, Quiet: c.Screen == nil})
	if err != nil {
		return c, fmt.Errorf("--backbone: %w", err)
	}
	m, err := h.Local(ctx, ref)
	if err != nil {
		return c, fmt.Errorf("--backbone %s: %w", c.Path, err)
	}
	c.Path, c.Screen = m.Path(), nil
	return c, nil
}

// openHub returns a reference and the hub of the environment.
func openHub(name string, ui UI) (hub.Reference, *hub.Hub, error) {
	ref, err := hub.Parse(name)
	if err != nil {
		return ref, nil, &UsageError{err}
	}
	settings, err := hub.FromEnvironment()
	if err != nil {
		return ref, nil, err
	}
	return ref, hub.New(settings, ui.Note, report.NewProgress(ui.Err, ui.Quiet)), nil
}

// BackboneName is the short name of a backbone's file: the model's if it is from a hub, where all files have the same names.
func BackboneName(file string) string {
	if repo, _, ok := hub.Origin(file); ok {
		return path.Base(repo)
	}
	return filepath.Base(file)
}
