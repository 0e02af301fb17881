// Package need skips tests that this machine can't run. Each skip says what is missing.
package need

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// That skips the test unless ok. missing says what is missing.
func That(t testing.TB, ok bool, missing string) {
	t.Helper()
	if !ok {
		t.Skip("skipped: " + missing)
	}
}

// NoError skips the test if err is not nil. err says what is missing.
func NoError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		That(t, false, err.Error())
	}
}

// AllowsHeavy tells whether DTL_HEAVY is set, which enables slow tests.
func AllowsHeavy() bool { return os.Getenv("DTL_HEAVY") != "" }

// Heavy skips the test unless DTL_HEAVY is set. why says what makes the test slow.
func Heavy(t testing.TB, why string) {
	t.Helper()
	That(t, AllowsHeavy(), why+", set DTL_HEAVY=1 to run it")
}

// Shared returns the path of a file or folder in ../shared, the folder beside the repository with real weights, data and
// expected values, and skips the test if it is not there.
func Shared(t testing.TB, parts ...string) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(root)
		if up == root {
			t.Fatal("no go.mod in this folder or above")
		}
		root = up
	}
	name := filepath.Join(append([]string{"shared"}, parts...)...)
	path := filepath.Join(filepath.Dir(root), name)
	if _, err := os.Stat(path); err != nil {
		That(t, false, filepath.Join("..", name)+" beside the repository is missing")
	}
	return path
}

// Python skips the test unless python3 is installed and has the packages.
func Python(t testing.TB, packages ...string) {
	t.Helper()
	path := os.Getenv("PYTHONPATH") // reading it makes Go's test cache depend on it
	for _, name := range append([]string{"sys"}, packages...) {
		out, err := exec.Command("python3", "-c", "import "+name).CombinedOutput()
		if err == nil {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		That(t, false, "python3 with "+name+" is missing (PYTHONPATH is "+path+"): "+err.Error()+" "+lines[len(lines)-1])
	}
}
