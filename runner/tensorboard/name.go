package tensorboard

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Prefix is the prefix by which TensorBoard recognises event files.
const Prefix = "events.out.tfevents."

// createFile creates an event file. Its name is Prefix, the seconds since 1970 and the machine. TensorBoard reads files in the
// order of their names, so the new name sorts after the existing ones even within a second or after the clock was set back.
func createFile(folder string, now time.Time) (*os.File, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	seconds := now.Unix()
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), Prefix)
		if !ok {
			continue
		}
		digits, _, _ := strings.Cut(rest, ".")
		if at, err := strconv.ParseInt(digits, 10, 64); err == nil && at < maxSecond {
			seconds = max(seconds, at+1)
		}
	}
	for ; ; seconds++ {
		path := filepath.Join(folder, fmt.Sprintf("%s%010d.%s", Prefix, seconds, host()))
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// maxSecond is the largest number of ten digits. Files with a larger one are from another program.
const maxSecond = 9_999_999_999

// host is the name of the machine in a form for file names.
func host() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return strings.ReplaceAll(name, "/", "_")
}
