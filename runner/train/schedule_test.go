package train

import (
	"encoding/csv"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestScheduleTimm compares with the rates of timm's own scheduler (scripts/expect_schedule.py).
func TestScheduleTimm(t *testing.T) {
	f, err := os.Open("testdata/schedule_timm.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]int{}
	for _, row := range rows[1:] {
		peak, _ := strconv.ParseFloat(row[0], 64)
		epochs, _ := strconv.Atoi(row[1])
		epoch, _ := strconv.Atoi(row[2])
		want, _ := strconv.ParseFloat(row[3], 64)
		s, err := NewSchedule(Cosine, epochs, peak)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Rate(epoch); math.Abs(got-want) > 1e-12*peak {
			t.Errorf("%d epochs, peak %g: rate in epoch %d is %v, timm gives %v", epochs, peak, epoch, got, want)
		}
		seen[epochs]++
	}
	for _, n := range []int{110, 55, 11, 210} {
		if seen[n] != n {
			t.Errorf("testdata has %d epochs of the run of %d", seen[n], n)
		}
	}
}

// TestScheduleFacts holds the landmarks that the paper's recipe names.
func TestScheduleFacts(t *testing.T) {
	s, err := NewSchedule(Cosine, DefaultEpochs, 1)
	if err != nil {
		t.Fatal(err)
	}
	if s.Warmup != 10 || s.Cooldown != 10 {
		t.Errorf("warm-up %d, cool-down %d, want 10 and 10", s.Warmup, s.Cooldown)
	}
	if s.Rate(1) != 1e-7 {
		t.Errorf("first rate %g, want 1e-7", s.Rate(1))
	}
	peak := 0.0
	for e := 1; e <= 110; e++ {
		peak = max(peak, s.Rate(e))
		if e > 100 && s.Rate(e) != 1e-8 {
			t.Errorf("epoch %d: rate %g, want 1e-8", e, s.Rate(e))
		}
	}
	if math.Abs(peak-0.9755) > 5e-5 || s.Rate(11) != peak {
		t.Errorf("peak %.4f, in epoch 11 %.4f; want 0.9755 in epoch 11", peak, s.Rate(11))
	}
}

// TestScheduleShort: a run of any length spends most of its epochs on a useful rate.
func TestScheduleShort(t *testing.T) {
	for epochs := 1; epochs <= 400; epochs++ {
		s, err := NewSchedule(Cosine, epochs, 1e-3)
		if err != nil {
			t.Fatal(err)
		}
		useful := 0
		for e := 1; e <= epochs; e++ {
			r := s.Rate(e)
			if !(r > 0 && r <= 1e-3) {
				t.Fatalf("%d epochs: rate %g in epoch %d", epochs, r, e)
			}
			if r > 1e-6 {
				useful++
			}
		}
		if useful*10 < epochs*8 {
			t.Errorf("%d epochs: only %d of them train", epochs, useful)
		}
		if epochs < 11 && s.Rate(1) != 1e-3 {
			t.Errorf("%d epochs: first rate %g, want the peak", epochs, s.Rate(1))
		}
	}
}

func TestScheduleConstant(t *testing.T) {
	s, err := NewSchedule(Constant, 30, 2e-3)
	if err != nil {
		t.Fatal(err)
	}
	for e := 1; e <= 30; e++ {
		if s.Rate(e) != 2e-3 {
			t.Errorf("epoch %d: rate %g", e, s.Rate(e))
		}
	}
}

func TestScheduleRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		epochs int
		peak   float64
		want   []string
	}{
		{"linear", 10, 1e-3, append(slices.Clone(ScheduleNames()), `"linear"`)},
		{"", 10, 1e-3, ScheduleNames()},
		{Cosine, 0, 1e-3, []string{"epochs", "0"}},
		{Cosine, -3, 1e-3, []string{"epochs", "-3"}},
		{Cosine, 10, 0, []string{"learning rate", "0"}},
		{Cosine, 10, -1, []string{"learning rate", "-1"}},
		{Constant, 10, math.NaN(), []string{"learning rate", "NaN"}},
		{Constant, 10, math.Inf(1), []string{"learning rate", "Inf"}},
	} {
		_, err := NewSchedule(c.name, c.epochs, c.peak)
		if err == nil {
			t.Errorf("%q, %d epochs, rate %v: accepted", c.name, c.epochs, c.peak)
			continue
		}
		for _, word := range c.want {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%q does not say %q", err, word)
			}
		}
	}
}
