package published

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/graph/need"
	"dtl-tf/runner/internal/suite"
)

// TestAverages recomputes the averages in the file.
func TestAverages(t *testing.T) {
	for _, q := range All() {
		if q.Tasks == nil {
			continue
		}
		groups, ok := suite.MeanOfGroups(q.Tasks)
		if !ok || math.Abs(groups-*q.Groups) > 0.011 {
			t.Errorf("%s: mean of groups %.3f, the file says %v", q.Method, groups, *q.Groups)
		}
		sum := 0.0
		for _, v := range q.Tasks {
			sum += v
		}
		if len(q.Tasks) != 19 || math.Abs(sum/19-*q.Mean19) > 0.011 {
			t.Errorf("%s: mean of %d tasks %.3f, the file says %v", q.Method, len(q.Tasks), sum/19, *q.Mean19)
		}
	}
	if _, ok := suite.MeanOfGroups(map[string]float64{"cifar": 70}); ok {
		t.Error("one task has a mean of groups")
	}
}

// TestKnown checks single cells that the papers print, and missing cells.
func TestKnown(t *testing.T) {
	dtl := Of("dtl")
	if dtl.Name != "DTL" || *dtl.GPUMemory != 1.6 || *dtl.Parameters != 0.04 || dtl.Tasks["caltech101"] != 94.8 {
		t.Errorf("dtl: %+v", dtl)
	}
	if plus := Of("dtl+"); plus.Tasks != nil || plus.Mean19 != nil || *plus.Groups != 77.7 || plus.Source == "" {
		t.Errorf("dtl+ has no row by task, only the figure: %+v", plus)
	}
	// Facts of "Adapters Strike Back": 0.20 M and 77.6 at r = 8.
	if a := Of("adapter+"); a.Name != "Adapter+" || *a.Parameters != 0.20 || *a.Groups != 77.6 || a.Tasks != nil || !strings.Contains(a.Source, "one recipe") {
		t.Errorf("adapter+: %+v", a)
	}
	if lra := Of("lra"); lra.Groups != nil || lra.Parameters != nil {
		t.Errorf("what is published for LAST is quoted for the reconstruction: %+v", lra)
	}
	if shallow := Of("vpt-shallow"); shallow.GPUMemory != nil || shallow.MemorySource != "" {
		t.Errorf("vpt-shallow is not in the figure: %+v", shallow)
	}
	if none := Of("mine"); none.Name != "mine" || none.Parameters != nil {
		t.Errorf("an unknown method: %+v", none)
	}
	for _, q := range All() {
		if q.Source == "" || (q.GPUMemory != nil) != (q.MemorySource != "") {
			t.Errorf("%s: a number without its source: %+v", q.Method, q)
		}
	}
}

// TestAgainstFacts compares every number with the collected tables.
func TestAgainstFacts(t *testing.T) {
	numbers := func(path string) (all []float64) {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines[1:] {
			for _, cell := range line[1 : len(line)-1] {
				if v, err := strconv.ParseFloat(strings.TrimSpace(cell), 64); err == nil {
					all = append(all, v)
				}
			}
		}
		return all
	}
	facts := need.Shared(t, "facts")
	for ours, theirs := range map[string]string{"vtab.csv": "published_vtab_vit_b16.csv", "memory.csv": "published_memory.csv"} {
		want, got := numbers(filepath.Join(facts, theirs)), numbers(ours)
		if len(got) != len(want) {
			t.Fatalf("%s has %d numbers, %s %d", ours, len(got), theirs, len(want))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s, number %d: %v, want %v", ours, i, got[i], want[i])
			}
		}
	}
}
