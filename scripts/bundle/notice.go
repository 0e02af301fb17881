package main

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

var licenceName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents|authors|unlicense|ofl)`)

// thirdParty returns the licences of Go and of all modules that the program is built from.
func thirdParty(program string) (string, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "The program dtl-tf contains the Go library and these modules. Each is under the licence that follows its name.\n\n")
	names := []string{"the standard library of " + info.GoVersion}
	goroot, err := ask("go", "env", "GOROOT")
	if err != nil {
		return "", err
	}
	folders := []string{goroot}
	for _, m := range info.Deps {
		folder, err := moduleFolder(m)
		if err != nil {
			return "", err
		}
		names, folders = append(names, m.Path+" "+m.Version), append(folders, folder)
	}
	for _, name := range names {
		fmt.Fprintln(&b, "  "+name)
	}
	for i, folder := range folders {
		texts, err := licences(folder)
		if err != nil {
			return "", fmt.Errorf("%s: %w", names[i], err)
		}
		fmt.Fprintf(&b, "\n%s\n== %s\n\n%s", strings.Repeat("-", 100), names[i], texts)
	}
	return b.String(), nil
}

func moduleFolder(m *debug.Module) (string, error) {
	if m.Replace != nil {
		m = m.Replace
	}
	folder, err := ask("go", "list", "-m", "-f", "{{.Dir}}", m.Path)
	if err == nil && folder == "" {
		err = fmt.Errorf("module %s is not in Go's module cache: run go mod download", m.Path)
	}
	return folder, err
}

func ask(name string, args ...string) (string, error) {
	command := exec.Command(name, args...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// licences returns the texts of the files in a folder, or in its folder of licences, that state a licence. It fails if there are none.
func licences(folder string) (string, error) {
	var b strings.Builder
	for _, pattern := range []string{"*", "licenses/*"} {
		files, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return "", err
		}
		for _, file := range files {
			if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() || (pattern == "*" && !licenceName.MatchString(filepath.Base(file))) {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "(%s)\n\n%s\n\n", filepath.Base(file), strings.TrimSpace(string(text)))
		}
	}
	if b.Len() == 0 {
		return "", fmt.Errorf("%s has no licence", folder)
	}
	return b.String(), nil
}
