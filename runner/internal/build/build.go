// Package build names the program so exactly that what one build has stored is not taken for the work of another.
package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// Name is the version, with the hash of the executable where the version does not name one state of the source: "dev" and
// whatever ends in "-dirty". Go's build ID would do too, but the linker's flags can leave it out.
func Name(version string) (string, error) {
	if version != "dev" && !strings.HasSuffix(version, "-dirty") {
		return version, nil
	}
	sum, err := executable()
	if err != nil {
		return "", fmt.Errorf("which build of the program this is: %w", err)
	}
	return version + " " + sum[:12], nil
}

// executable is the sha256 of the file that this process runs, some 30 MB that are read once.
var executable = sync.OnceValues(func() (string, error) {
	f, err := os.Open("/proc/self/exe") // also when another build lies at its path by now
	if err != nil {
		path, err := os.Executable()
		if err != nil {
			return "", err
		}
		if f, err = os.Open(path); err != nil {
			return "", err
		}
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
})
