package machine

import (
	"bufio"
	"bytes"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// group is a control group (Linux' cgroups, by which containers are limited) with a resource, as its files and those of the groups
// above it lie in a file system. Both versions of cgroups may be there at once, each with some of the resources.
type group struct {
	files fs.FS
	v2    bool
	top   string // where the hierarchy is mounted
	path  string // of the group, top or below it
}

// root is the file system of the machine.
var root = os.DirFS("/")

// groups are those of this process in which a controller, such as memory, may set limits: one of version 1 if there is, and the
// one of version 2.
func groups(files fs.FS, controller string) []group {
	own := map[string]string{} // by the controllers, "" for version 2
	for line := range lines(files, "proc/self/cgroup") {
		if fields := strings.SplitN(line, ":", 3); len(fields) == 3 {
			for name := range strings.SplitSeq(fields[1], ",") {
				own[name] = fields[2]
			}
		}
	}
	var list []group
	for line := range lines(files, "proc/self/mountinfo") {
		before, after, ok := strings.Cut(line, " - ")
		mount, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(mount) < 5 || len(kind) < 3 {
			continue
		}
		g := group{files: files, v2: kind[0] == "cgroup2", top: strings.TrimPrefix(mount[4], "/")}
		name := controller
		switch {
		case g.v2:
			name = ""
		case kind[0] != "cgroup" || !strings.Contains(","+kind[2]+",", ","+controller+","):
			continue
		}
		where, ok := own[name]
		if !ok {
			continue
		}
		// The mount shows the hierarchy from a group on that field 4 names. A container may see its own group as the root.
		below, inside := strings.CutPrefix(where, strings.TrimSuffix(mount[3], "/"))
		if !inside || strings.Contains(below, "..") {
			below = ""
		}
		g.path = path.Join(g.top, below)
		if _, err := fs.Stat(files, g.path); err != nil {
			g.path = g.top
		}
		list = append(list, g)
	}
	return list
}

// up calls a function with the folder of the group and of each group above it: the limits of all of them count.
func (g group) up(each func(dir string)) {
	for dir := g.path; ; dir = path.Dir(dir) {
		each(dir)
		if dir == g.top || dir == "." {
			return
		}
	}
}

// memoryLimits are the smallest limit of memory and the least that is left below one, in bytes; math.MaxInt64 where there is none.
// Pages of files that the kernel would give back at once count as left.
func memoryLimits(files fs.FS) (limit, left int64) {
	limit, left = math.MaxInt64, math.MaxInt64
	for _, g := range groups(files, "memory") {
		most, used, inactive := "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
		if g.v2 {
			most, used, inactive = "memory.max", "memory.current", "inactive_file"
		}
		g.up(func(dir string) {
			max, ok := number(g.files, path.Join(dir, most))
			if !ok || max >= 1<<60 { // version 1 has a number of this size for none
				return
			}
			limit = min(limit, max)
			if now, ok := number(g.files, path.Join(dir, used)); ok {
				now -= min(now, stat(g.files, path.Join(dir, "memory.stat"), inactive))
				left = min(left, max-min(now, max))
			}
		})
	}
	return limit, left
}

// processorLimit is how many processors' time the groups allow, +Inf for all that there are.
func processorLimit(files fs.FS) float64 {
	limit := math.Inf(1)
	for _, g := range groups(files, "cpu") {
		g.up(func(dir string) {
			var quota, period string
			if g.v2 {
				quota, period, _ = strings.Cut(text(g.files, path.Join(dir, "cpu.max")), " ")
			} else {
				quota, period = text(g.files, path.Join(dir, "cpu.cfs_quota_us")), text(g.files, path.Join(dir, "cpu.cfs_period_us"))
			}
			q, err := strconv.ParseFloat(quota, 64) // "max" and -1 are none
			p, err2 := strconv.ParseFloat(period, 64)
			if err == nil && err2 == nil && q > 0 && p > 0 {
				limit = min(limit, q/p)
			}
		})
	}
	return limit
}

// text is a small file without the blanks around, "" if it can't be read.
func text(files fs.FS, name string) string {
	b, err := fs.ReadFile(files, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func number(files fs.FS, name string) (int64, bool) {
	n, err := strconv.ParseInt(text(files, name), 10, 64)
	return n, err == nil
}

// stat is a value of a file of lines "name value", 0 if it has none.
func stat(files fs.FS, file, name string) int64 {
	for line := range lines(files, file) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}

// lines are those of a file, none if it can't be read.
func lines(files fs.FS, name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return
		}
		for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
			if !yield(s.Text()) {
				return
			}
		}
	}
}
