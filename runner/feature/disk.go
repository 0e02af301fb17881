package feature

import (
	"fmt"
	"math"
	"strconv"

	"golang.org/x/sys/unix"
)

// disk is what of a file system matters here, in bytes.
type disk struct{ free, total int64 }

// diskOf asks the file system that a folder is on.
func diskOf(folder string) (disk, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return disk{}, err
	}
	unit := int64(s.Bsize)
	return disk{free: clamp(s.Bavail, unit), total: clamp(s.Blocks, unit)}, nil
}

// clamp multiplies blocks by their size; some network file systems have no limit and say the largest number.
func clamp(blocks uint64, unit int64) int64 {
	if unit <= 0 || blocks > uint64(math.MaxInt64/unit) {
		return math.MaxInt64
	}
	return int64(blocks) * unit
}

// room is what stays free for others: 5 % of the disk, at most 10 GB.
func (d disk) room() int64 { return min(d.total/20, 10e9) }

// SpaceError says that a disk can't hold a cache.
type SpaceError struct {
	Folder             string
	Needed, Free, Room int64 // bytes; Room is to stay free
}

// Error implements error.
func (e *SpaceError) Error() string {
	return fmt.Sprintf("%s needed in %s, where %s are free and %s of that should stay so: free some space, choose another --feature-cache folder, or store half as much with --cache-precision bf16",
		Bytes(e.Needed), e.Folder, Bytes(e.Free), Bytes(e.Room))
}

// Bytes shows a size as people write it: 9.7 MB.
func Bytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	v := float64(n)
	for _, unit := range []string{"kB", "MB", "GB"} {
		if v /= 1000; v < 999.5 {
			return short(v) + " " + unit
		}
	}
	return short(v/1000) + " TB"
}

// short is a number with two digits or more.
func short(v float64) string {
	if v < 9.95 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}
