package report

import (
	"strings"
	"testing"
	"time"
)

// TestWork: a log gets a line per job, a terminal a bar that moves with the steps.
func TestWork(t *testing.T) {
	f := newFake(lines)
	show := f.Work(3, 10)
	for job := range 3 {
		for step := range 10 {
			show(job, step, "dtl")
			f.at = f.at.Add(time.Second)
		}
	}
	show(3, 0, "measured")
	want := "0/3  dtl\n1/3  dtl  20s left\n2/3  dtl  10s left\n3/3  measured\n"
	if got := f.out.String(); got != want {
		t.Errorf("a log:\n%swant:\n%s", got, want)
	}

	f = newFake(redrawn)
	show = f.Work(2, 4)
	show(0, 0, "full")
	f.at = f.at.Add(10 * time.Second)
	show(0, 2, "full training")
	show(0, 3, "too soon")
	if got := f.out.String(); !strings.Contains(got, "━━━━━━──") || !strings.Contains(got, "0/2  full training  30s left") || strings.Contains(got, "soon") {
		t.Errorf("a terminal: %q", got)
	}
}

// TestDownload: the pace is that of the bytes of this call, not of those that were there before.
func TestDownload(t *testing.T) {
	f := newFake(lines)
	show := f.Download(100e6, 500e6)
	show("model.safetensors", 100e6)
	f.at = f.at.Add(40 * time.Second)
	show("model.safetensors", 300e6)
	f.at = f.at.Add(time.Second)
	show("model.safetensors", 305e6) // too soon
	f.at = f.at.Add(9 * time.Second)
	show("model.safetensors", 500e6)
	want := "model.safetensors  300 MB of 500 MB  5.0 MB/s  40s left\nmodel.safetensors  500 MB of 500 MB  8.0 MB/s\n"
	if got := f.out.String(); got != want {
		t.Errorf("a log:\n%swant:\n%s", got, want)
	}
}
