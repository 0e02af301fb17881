package main

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/result"
)

// TestNoMemoryIsLost trains 2,000 steps and watches the process from outside: its resident size must stay within 5 % of that after
// step 200. Every step decodes its images anew and every fifth epoch writes a checkpoint. All methods train through the same calls.
func TestNoMemoryIsLost(t *testing.T) {
	need.Heavy(t, "half a minute and 2,000 steps")
	_, err := os.Stat("/proc/self/statm") // to read the resident size from
	need.NoError(t, err)
	const images, batch = 200, 10
	const every = images / batch // steps in an epoch
	dir := t.TempDir()
	arch, err := backbone.Parse("vit:image=32,patch=8,width=96,depth=4,heads=3,mlp=384")
	expect.NoError(t, err)
	bb, err := backbone.Random(arch, 1)
	expect.NoError(t, err)
	weights, data, out := filepath.Join(dir, "small.npz"), filepath.Join(dir, "data"), filepath.Join(dir, "run")
	expect.NoError(t, writeNPZ(weights, bb.Weights))
	expect.NoError(t, os.MkdirAll(data, 0o777))
	var list strings.Builder
	for i := range images {
		name := fmt.Sprintf("%03d.jpg", i)
		picture := image.NewGray(image.Rect(0, 0, 64, 64))
		for p := range picture.Pix {
			picture.Pix[p] = uint8(p * (i + 1))
		}
		var b bytes.Buffer
		expect.NoError(t, jpeg.Encode(&b, picture, nil))
		write(t, filepath.Join(data, name), b.Bytes())
		fmt.Fprintf(&list, "%s %d\n", name, i%3)
	}
	write(t, filepath.Join(data, "train800val200.txt"), []byte(list.String()))

	p := launch(t, wholeProgram, "fine-tune", "--backbone", weights, "--data", data, "--out", out, "--epochs", fmt.Sprint(2000/every),
		"--batch", fmt.Sprint(batch), "--image-cache", "0", "--augment", "flip-crop", "--drop-path", "0.1", "--checkpoint-every", "5")
	sizes := map[int][]float64{} // resident MiB by hundreds of steps
	p.until(func() bool {
		time.Sleep(10 * time.Millisecond)
		if _, err := os.Stat(filepath.Join(out, result.MetricsFile)); err != nil {
			return false
		}
		rows := metrics(t, out)
		var all, resident float64
		statm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.Process.Pid))
		if _, err := fmt.Sscan(string(statm), &all, &resident); err == nil && resident > 0 {
			h := int(rows[len(rows)-1]["step"]) / 100
			sizes[h] = append(sizes[h], resident*float64(os.Getpagesize())/(1<<20))
		}
		return false
	})
	p.end().want(t, exitDone)
	median := func(h int) float64 {
		if len(sizes[h]) == 0 {
			t.Fatalf("no sample of the steps from %d on", 100*h)
		}
		return slices.Sorted(slices.Values(sizes[h]))[len(sizes[h])/2]
	}
	for h := range 20 {
		t.Logf("steps %4d to %4d: %.2f MiB (%.2f to %.2f, %d samples)", 100*h, 100*h+99, median(h), slices.Min(sizes[h]), slices.Max(sizes[h]), len(sizes[h]))
	}
	after, end := median(2), median(19)
	t.Logf("growth from step 200 to step 2,000: %.0f bytes, %.2f %%", (end-after)*(1<<20), 100*(end/after-1))
	if end > 1.05*after {
		t.Errorf("the process grew from %.1f to %.1f MiB", after, end)
	}
}
