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

// Prefix begins the name of every event file: TensorBoard looks for it.
const Prefix = "events.out.tfevents."

// createFile makes a new event file in a folder. Its name, Prefix with the seconds since 1970 and the
// machine, sorts behind those that are there, even if they are from this second or the clock was set
// back: TensorBoard reads them in this order.
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
		if at, err := strconv.ParseInt(digits, 10, 64); err == nil && at < lastSecond {
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

// lastSecond is the last that a name of ten digits can hold; files that claim more are not ours.
const lastSecond = 9_999_999_999

// host is the machine's name as it may stand in a file name.
func host() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return strings.Map(func(r rune) rune {
		if r == '/' || r == os.PathSeparator {
			return '_'
		}
		return r
	}, name)
}
