package machine

import (
	"io/fs"
	"iter"
	"math"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// group is the folder of a Linux control group, by which containers are limited.
type group struct {
	dir string
	v2  bool
}

// root is the file system of the machine.
var root = os.DirFS("/")

// groups returns the groups of this process in which a controller, such as memory, may set limits, with all groups above them:
// the limits of all of them count. Versions 1 and 2 of control groups may be mounted at once, each with some of the controllers.
func groups(files fs.FS, controller string) (list []group) {
	own := map[string]string{} // paths by controller, "" for version 2
	for line := range lines(files, "proc/self/cgroup") {
		if fields := strings.SplitN(line, ":", 3); len(fields) == 3 {
			for name := range strings.SplitSeq(fields[1], ",") {
				own[name] = fields[2]
			}
		}
	}
	for line := range lines(files, "proc/self/mountinfo") {
		before, after, ok := strings.Cut(line, " - ")
		mount, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(mount) < 5 || len(kind) < 3 {
			continue
		}
		name, v2 := controller, kind[0] == "cgroup2"
		switch {
		case v2:
			name = ""
		case kind[0] != "cgroup" || !slices.Contains(strings.Split(kind[2], ","), controller):
			continue
		}
		where, ok := own[name]
		if !ok {
			continue
		}
		// The mount shows the hierarchy below the group in field 4. A container may see its own group as the root.
		below, inside := strings.CutPrefix(where, strings.TrimSuffix(mount[3], "/"))
		if !inside || strings.Contains(below, "..") {
			below = ""
		}
		top := strings.TrimPrefix(mount[4], "/")
		dir := path.Join(top, below)
		if _, err := fs.Stat(files, dir); err != nil {
			dir = top
		}
		for ; dir != top && dir != "."; dir = path.Dir(dir) {
			list = append(list, group{dir, v2})
		}
		list = append(list, group{dir, v2})
	}
	return list
}

// memoryLimits returns the smallest memory limit and the least memory left below a limit in bytes, or math.MaxInt64 without a
// limit. Inactive pages of files count as left, because the kernel reclaims them at once.
func memoryLimits(files fs.FS) (limit, left int64) {
	limit, left = math.MaxInt64, math.MaxInt64
	for _, g := range groups(files, "memory") {
		limitFile, used, inactive := "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
		if g.v2 {
			limitFile, used, inactive = "memory.max", "memory.current", "inactive_file"
		}
		bound, ok := number(files, path.Join(g.dir, limitFile))
		if !ok || bound >= 1<<60 { // version 1 writes no limit as a huge number
			continue
		}
		limit = min(limit, bound)
		if now, ok := number(files, path.Join(g.dir, used)); ok {
			now -= min(now, stat(files, path.Join(g.dir, "memory.stat"), inactive))
			left = min(left, bound-min(now, bound))
		}
	}
	return limit, left
}

// processorLimit returns how many processors' time the groups allow, or +Inf without a limit.
func processorLimit(files fs.FS) float64 {
	limit := math.Inf(1)
	for _, g := range groups(files, "cpu") {
		quota, period, _ := strings.Cut(text(files, path.Join(g.dir, "cpu.max")), " ")
		if !g.v2 {
			quota, period = text(files, path.Join(g.dir, "cpu.cfs_quota_us")), text(files, path.Join(g.dir, "cpu.cfs_period_us"))
		}
		q, err := strconv.ParseFloat(quota, 64) // "max" and -1 mean no limit
		p, err2 := strconv.ParseFloat(period, 64)
		if err == nil && err2 == nil && q > 0 && p > 0 {
			limit = min(limit, q/p)
		}
	}
	return limit
}

// text returns the content of a file without surrounding white space, or "" if it can't be read.
func text(files fs.FS, name string) string {
	b, _ := fs.ReadFile(files, name)
	return strings.TrimSpace(string(b))
}

// lines returns the lines of a file, none if it can't be read.
func lines(files fs.FS, name string) iter.Seq[string] {
	return strings.SplitSeq(text(files, name), "\n")
}

func number(files fs.FS, name string) (int64, bool) {
	n, err := strconv.ParseInt(text(files, name), 10, 64)
	return n, err == nil
}

// stat returns a value of a file of lines "name value", or 0.
func stat(files fs.FS, file, name string) int64 {
	for line := range lines(files, file) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}
