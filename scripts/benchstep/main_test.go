package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// answers sends commands to a worker with the small backbone and returns its answers, without its greeting.
func answers(t *testing.T, store, commands string) []map[string]float64 {
	t.Helper()
	w, err := newWorker(config{backbone: "vit_mini4", method: "dtl", batch: 3, precision: "fp32", recompute: "activations", store: store, threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer w.session.Close()
	var out bytes.Buffer
	if err := w.serve(strings.NewReader(commands), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var greeting struct{ Ready bool }
	if err := json.Unmarshal([]byte(lines[0]), &greeting); err != nil || !greeting.Ready {
		t.Fatalf("greeting %q: %v", lines[0], err)
	}
	var all []map[string]float64
	for _, line := range lines[1:] {
		answer := map[string]float64{}
		if err := json.Unmarshal([]byte(line), &answer); err != nil {
			t.Fatal(err)
		}
		all = append(all, answer)
	}
	return all
}

// TestWorker: a cached step trains like one on images, and the bytes of its stored values are counted.
func TestWorker(t *testing.T) {
	plain := answers(t, "", "step\nstep\npeak\n")
	stored := answers(t, "fp32", "step\nstep\npeak\nfill\n")
	for i := range 2 {
		if a, b := plain[i]["loss"], stored[i]["loss"]; math.Abs(a-b) > 1e-5*a {
			t.Errorf("step %d: loss %v on images, %v on stored values", i, a, b)
		}
		if plain[i]["seconds"] <= 0 {
			t.Errorf("a step of %v seconds", plain[i]["seconds"])
		}
	}
	if plain[1]["loss"] >= plain[0]["loss"] {
		t.Errorf("the loss rose from %v to %v", plain[0]["loss"], plain[1]["loss"])
	}
	// x_0 .. x_6 and the output of block 6: 8 values of 65 tokens x 96 channels x 4 bytes for 3 images.
	if got, want := stored[2]["fed"], 8.0*3*65*96*4; got != want {
		t.Errorf("%v bytes fed, want %v", got, want)
	}
	if plain[2]["fed"] != 0 || stored[2]["bytes"] <= 0 || plain[2]["bytes"] <= 0 {
		t.Errorf("peaks: on images %v, on stored values %v", plain[2], stored[2])
	}
	if stored[3]["seconds"] <= 0 {
		t.Errorf("a fill of %v seconds", stored[3]["seconds"])
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range [][3]string{{"fp8", "none", ""}, {"fp32", "some", ""}, {"fp32", "none", "fp8"}} {
		if _, err := newWorker(config{backbone: "vit_mini4", method: "dtl", batch: 1, precision: c[0], recompute: c[1], store: c[2], threads: 1}); err == nil || !strings.Contains(err.Error(), "use ") {
			t.Errorf("precision %q, recompute %q, store %q: %v", c[0], c[1], c[2], err)
		}
	}
	if _, err := new(worker).obey("jump"); err == nil {
		t.Error("an unknown command was obeyed")
	}
	if _, err := new(worker).fill(); err == nil {
		t.Error("filled without a store")
	}
}
