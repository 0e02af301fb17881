// Package build identifies the build of the program, so that data stored by one build is not taken for that of another.
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

// Name returns the version, with the hash of the executable if the version does not identify the source: if it is "dev" or ends
// in "-dirty". Go's build ID would do too, but linker flags can remove it.
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

// executable returns the SHA-256 of the file that this process runs. It reads the file, some 30 MB, once.
var executable = sync.OnceValues(func() (string, error) {
	path := "/proc/self/exe" // the file that runs even if another build has replaced it
	if _, err := os.Stat(path); err != nil {
		if path, err = os.Executable(); err != nil {
			return "", err
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
})
