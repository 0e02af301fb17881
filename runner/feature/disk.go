package feature

import (
	"fmt"
	"math"
	"strconv"

	"golang.org/x/sys/unix"
)

// disk is the size of a file system in bytes.
type disk struct{ free, total int64 }

// diskOf returns the size of the file system that holds a folder.
func diskOf(folder string) (disk, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return disk{}, err
	}
	unit := int64(s.Bsize)
	return disk{free: clamp(s.Bavail, unit), total: clamp(s.Blocks, unit)}, nil
}

// clamp multiplies blocks by their size. Network file systems without a limit report the largest number.
func clamp(blocks uint64, unit int64) int64 {
	if unit <= 0 || blocks > uint64(math.MaxInt64/unit) {
		return math.MaxInt64
	}
	return int64(blocks) * unit
}

// reserve is the space to leave free for others: 5 % of the disk, at most 10 GB.
func (d disk) reserve() int64 { return min(d.total/20, 10e9) }

// spaceError says that a disk is too full for a cache.
type spaceError struct {
	folder                string
	needed, free, reserve int64 // bytes
}

func (e *spaceError) Error() string {
	return fmt.Sprintf("%s needed in %s, which has %s free, %s of it reserved: free some space, choose another --feature-cache folder, or store half as much with --cache-precision bf16",
		Bytes(e.needed), e.folder, Bytes(e.free), Bytes(e.reserve))
}

// Bytes formats a size for people: 9.7 MB.
func Bytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	v, units := float64(n)/1000, []string{"kB", "MB", "GB", "TB"}
	for v >= 999.5 && len(units) > 1 {
		v, units = v/1000, units[1:]
	}
	digits := 0
	if v < 9.95 {
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + " " + units[0]
}
