package files

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
)

// plant writes empty files, and a link for a name with " -> ".
func plant(t *testing.T, root string, names ...string) {
	t.Helper()
	for _, name := range names {
		name, to, isLink := strings.Cut(name, " -> ")
		path := filepath.Join(root, name)
		expect.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		if isLink {
			expect.NoError(t, os.Symlink(to, path))
		} else {
			expect.NoError(t, os.WriteFile(path, nil, 0o666))
		}
	}
}

// list returns what Below visits, with an exclamation mark after broken links.
func list(t *testing.T, root string) (names []string) {
	t.Helper()
	expect.NoError(t, Below(root, func(f File) error {
		name := f.Name
		if f.Info == nil {
			name += "!"
		}
		if f.Path != filepath.Join(root, f.Name) {
			t.Errorf("%s has the path %s", f.Name, f.Path)
		}
		names = append(names, name)
		return nil
	}))
	return names
}

// TestBelow: files are visited in the order of their names and through links, no folder contains itself, and hidden files are
// skipped.
func TestBelow(t *testing.T) {
	root, store := t.TempDir(), t.TempDir()
	plant(t, store, "deep/1.png", "2.png", ".DS_Store")
	plant(t, root, "b.png", "a/9.png", "a/10.png", "a.txt",
		"linked -> "+store, "one.png -> "+filepath.Join(store, "2.png"), "gone -> nowhere", "self -> self",
		"a/up -> ..", "a/same -> .", "a/out -> "+filepath.Dir(root), "x/y/back -> ../../a", // back/up leads to the root again
		".DS_Store", "._b.png", ".cache/c.png", "a/Thumbs.db", "a/DESKTOP.INI", "__MACOSX/b.png", "a/@eaDir/9.png")
	want := []string{"a/10.png", "a/9.png", "a.txt", "b.png", "gone!", "linked/2.png", "linked/deep/1.png", "one.png", "self!", "x/y/back/10.png", "x/y/back/9.png"}
	if got := list(t, root); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	hidden := filepath.Join(t.TempDir(), ".hidden")
	expect.NoError(t, os.Symlink(store, hidden))
	if got := list(t, hidden); !slices.Equal(got, []string{"2.png", "deep/1.png"}) {
		t.Errorf("a link with a hidden name: %q", got)
	}
}

// TestBelowAsPython: without loops, the files are those of os.walk(followlinks=True), which torchvision's ImageFolder uses.
func TestBelowAsPython(t *testing.T) {
	need.Python(t)
	root, store := t.TempDir(), t.TempDir()
	plant(t, store, "deep/1.png", "2.png", "more -> "+t.TempDir())
	plant(t, root, "b.png", "a/9.png", "linked -> "+store, "a/again -> "+store, "one.png -> "+filepath.Join(store, "2.png"), "gone.png -> nowhere")
	out, err := exec.Command("python3", "-c", `import os, sys
for folder, _, names in os.walk(sys.argv[1], followlinks=True):
    for name in names: print(os.path.relpath(os.path.join(folder, name), sys.argv[1]))`, root).Output()
	expect.NoError(t, err)
	want := strings.Fields(string(out))
	var got []string
	for _, name := range list(t, root) {
		got = append(got, strings.TrimSuffix(name, "!"))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
