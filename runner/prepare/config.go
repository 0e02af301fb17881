package prepare

import (
	"errors"
	"fmt"
	"io"
)

// Config is what to prepare.
type Config struct {
	From string // folder or archive
	Out  string // the data set's folder, to be made
	Task string // of VTAB-1k; "": by the name of Out, or the only one that From has

	Train, Val int    // images in train800.txt and val200.txt
	Test       int    // at most so many in test.txt; negative: all
	Seed       uint64 // of the draw from class folders
	Seeded     bool   // the seed was asked for

	Link      bool // hard-link the images of a folder instead of copying them
	Overwrite bool // replace Out, if a prepare made it
	Version   string
}

// UI is where a preparation talks to its user.
type UI struct {
	Out, Err io.Writer
	Quiet    bool
}

func (u UI) note(format string, args ...any) {
	if !u.Quiet {
		fmt.Fprintf(u.Err, format+"\n", args...)
	}
}

// ErrUsage marks errors in what was asked for, as opposed to something that went wrong.
var ErrUsage = errors.New("wrong usage")

type usageError struct{ err error }

// Error implements error.
func (e usageError) Error() string { return e.err.Error() }

// Unwrap implements the errors package's protocol.
func (e usageError) Unwrap() []error { return []error{e.err, ErrUsage} }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// most is the largest number of images that --train, --val and --test take.
const most = 100_000_000

func (c Config) check() error {
	switch {
	case c.From == "":
		return usagef("--from is required: a folder or an archive")
	case c.Out == "":
		return usagef("--out is required: the folder to make")
	case c.Train < 1 || c.Train > most:
		return usagef("--train %d: want at least 1 image and at most %d", c.Train, most)
	case c.Val < 1 || c.Val > most:
		return usagef("--val %d: want at least 1 image and at most %d", c.Val, most)
	case c.Test == 0 || c.Test > most:
		return usagef("--test %d: want at least 1 image and at most %d", c.Test, most)
	}
	return nil
}
