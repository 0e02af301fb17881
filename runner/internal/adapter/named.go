package adapter

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

// PEFT's adapters are a folder with this file in it. Their tensors belong to the names of one model in Python.
const (
	peftFile  = "adapter_config.json"
	mergePEFT = "merge it into its model (model.merge_and_unload() in PEFT), save that, and give it as --backbone, or train an adapter here with --method lora"
)

// Named is an adapter file with the name of its task.
type Named struct{ Name, Path string }

// Find resolves the values of --adapter: FILE, the folder of a run, or a folder of such folders, each with NAME= before it or without.
// Without NAME=, a task has the name of its run's folder, or of its file. An adapter.safetensors is named after its folder.
// Two tasks of one name are wrong usage.
func Find(values []string) ([]Named, error) {
	var list []Named
	for _, value := range values {
		found, err := find(value)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	paths := map[string]string{}
	for _, n := range list {
		if other, taken := paths[n.Name]; taken {
			return nil, runner.Usagef("two adapters have the name %s: %s and %s; name them apart with --adapter NAME=FILE", n.Name, other, n.Path)
		}
		paths[n.Name] = n.Path
	}
	return list, nil
}

// Several reports whether values of --adapter ask for the answers of tasks by name, and not of one adapter alone.
func Several(values []string) bool {
	if len(values) != 1 {
		return len(values) > 1
	}
	name, path := split(values[0])
	if name != "" {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir() && !isFile(filepath.Join(path, result.AdapterFile))
}

// split divides NAME=PATH. A file of that whole name is no such pair.
func split(value string) (name, path string) {
	before, after, ok := strings.Cut(value, "=")
	if _, err := os.Lstat(value); !ok || err == nil || strings.ContainsAny(before, `/\`) {
		return "", value
	}
	return before, after
}

func find(value string) ([]Named, error) {
	name, path := split(value)
	if strings.HasPrefix(value, "=") || path == "" {
		return nil, runner.Usagef("--adapter %q: give FILE or NAME=FILE", value)
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() { // reading the file will report the error
		return []Named{named(name, path)}, nil
	}
	if file := filepath.Join(path, result.AdapterFile); isFile(file) {
		return []Named{named(name, file)}, nil
	}
	runs, err := filepath.Glob(filepath.Join(globbed(path), "*", result.AdapterFile))
	if err != nil {
		return nil, err
	}
	switch {
	case len(runs) == 0 && isFile(filepath.Join(path, peftFile)):
		return nil, fmt.Errorf("--adapter %s: %s in this folder says that it is an adapter of PEFT: %s", path, peftFile, mergePEFT)
	case len(runs) == 0:
		return nil, fmt.Errorf("--adapter %s: there is no %s in this folder or in the folders in it", path, result.AdapterFile)
	case name != "":
		return nil, runner.Usagef("--adapter %s: the folder has %d runs, which can't have one name; leave out %s=", value, len(runs), name)
	}
	var list []Named
	for _, run := range runs {
		list = append(list, named("", run))
	}
	return list, nil
}

// globbed is a folder as part of a pattern of filepath.Glob.
func globbed(folder string) string {
	return strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`, `\`, `\\`).Replace(folder)
}

func named(name, path string) Named {
	if name != "" {
		return Named{name, path}
	}
	if filepath.Base(path) == result.AdapterFile {
		if absolute, err := filepath.Abs(path); err == nil {
			return Named{filepath.Base(filepath.Dir(absolute)), path}
		}
	}
	return Named{strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), path}
}

// FileOf returns the adapter's file if path is the folder of a run, and else path.
func FileOf(path string) string {
	if file := filepath.Join(path, result.AdapterFile); path != "" && isFile(file) {
		return file
	}
	return path
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
