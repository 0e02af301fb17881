package dtl

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// mostOfLoading is the limit of resident bytes while a backbone is loaded, relative to its weights as they are held. The 172 MB that a ViT-B/16 takes in
// 16 bits are few beside what the process takes besides, which differs by some MB from run to run.
var mostOfLoading = map[graph.Precision]float64{graph.FP32: 1.15, graph.BF16: 1.20}

// writeViT writes a plain ViT of patch 16 and image size 224 as .npz, or with timm's names as .safetensors, whose kernels must be transposed.
func writeViT(t *testing.T, path string, width, depth int) {
	t.Helper()
	arch, err := backbone.Parse(fmt.Sprintf("vit:image=224,patch=16,width=%d,depth=%d,heads=%d,mlp=%d", width, depth, width/64, 4*width))
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if strings.HasSuffix(path, ".npz") {
		bb, err := backbone.Random(arch, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := weight.WriteNPZ(f, bb.Weights); err != nil {
			t.Fatal(err)
		}
		return
	}
	d, m := width, tensor.Map{
		"cls_token": tensor.Zeros(1, 1, width), "pos_embed": tensor.Zeros(1, 197, width), "patch_embed.proj.weight": tensor.Zeros(width, 3, 16, 16),
		"patch_embed.proj.bias": tensor.Zeros(width), "norm.weight": tensor.Zeros(width), "norm.bias": tensor.Zeros(width),
	}
	for i := range depth {
		for name, shape := range map[string][]int{
			"norm1.weight": {d}, "norm1.bias": {d}, "norm2.weight": {d}, "norm2.bias": {d}, "attn.qkv.weight": {3 * d, d}, "attn.qkv.bias": {3 * d},
			"attn.proj.weight": {d, d}, "attn.proj.bias": {d}, "mlp.fc1.weight": {4 * d, d}, "mlp.fc1.bias": {4 * d}, "mlp.fc2.weight": {d, 4 * d}, "mlp.fc2.bias": {d},
		} {
			m[fmt.Sprintf("blocks.%d.%s", i, name)] = tensor.Zeros(shape...)
		}
	}
	if err := weight.WriteSafetensors(f, m, nil); err != nil {
		t.Fatal(err)
	}
}

// status is a number of bytes that the kernel reports about this process.
func status(t *testing.T, key string) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), key+":")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// loadingChild names the file and the precision to a child of TestLoadingMemory.
const loadingChild = "DTL_TEST_LOADING_CHILD"

// loadOnce loads a backbone as a run does up to the point before its first step, and prints the bytes of its frozen weights, those that the process took
// at most, and those that it had before.
func loadOnce(t *testing.T, path string, p graph.Precision) {
	before := status(t, "VmHWM")
	bb, err := backbone.Load(t.Context(), path, backbone.Options{Held: p.Bytes()})
	if err != nil {
		t.Fatal(err)
	}
	method, _, err := NewMethod("dtl", nil, bb.Architecture)
	if err != nil {
		t.Fatal(err)
	}
	model, err := New(Config{Arch: bb.Architecture, Mean: bb.Mean, Std: bb.Std, Method: method, Pool: bb.Pool, Classes: 2, Precision: p})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC() // pools of memory survive one collection
	debug.FreeOSMemory()
	trainer, err := NewImageTrainer(model, Training{Batch: 1}, Start{Weights: bb.Weights, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if _, err := trainer.FrozenSHA256(); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("loaded: %d %d %d\n", trainer.Frozen.Bytes(), status(t, "VmHWM"), before)
}

// TestLoadingMemory measures what a process takes at most from opening the file of a ViT-B/16 to the point before the first step, beyond what one with a
// narrow ViT of as many blocks takes: code, graph and session do not depend on the width.
func TestLoadingMemory(t *testing.T) {
	if path, p, ok := strings.Cut(os.Getenv(loadingChild), " "); ok {
		loadOnce(t, path, graph.Precision(p))
		return
	}
	need.That(t, runtime.GOOS == "linux", "the kernel reports a process's peak on Linux only")
	need.That(t, os.Getenv("DTL_HEAVY") != "", "set DTL_HEAVY=1 to load a ViT-B/16 four times")
	dir := t.TempDir()
	load := func(path string, p graph.Precision) (weights, peak int) {
		child := exec.Command(os.Args[0], "-test.run=^TestLoadingMemory$", "-test.v")
		child.Env = append(os.Environ(), loadingChild+"="+path+" "+string(p))
		out, err := child.CombinedOutput()
		_, rest, ok := strings.Cut(string(out), "loaded: ")
		if err != nil || !ok {
			t.Fatalf("%v:\n%s", err, out)
		}
		var before int
		if _, err := fmt.Sscan(rest, &weights, &peak, &before); err != nil {
			t.Fatal(err)
		}
		return weights, peak - before
	}
	for _, format := range []string{"npz", "safetensors"} {
		narrow, wide := filepath.Join(dir, "narrow."+format), filepath.Join(dir, "wide."+format)
		writeViT(t, narrow, 64, 12)
		writeViT(t, wide, 768, 12)
		for _, p := range []graph.Precision{graph.FP32, graph.BF16} {
			if p.Usable() != nil {
				continue
			}
			small, base := load(narrow, p)
			weights, peak := load(wide, p)
			share := float64(peak-base+small) / float64(weights)
			t.Logf("%s %s: %d bytes of weights, %d at the peak beside the %d of all else: %.3f", format, p, weights, peak-base+small, base-small, share)
			if share > mostOfLoading[p] || share < 0.9 {
				t.Errorf("%s %s: loading takes %.3f of the weights, want at most %v", format, p, share, mostOfLoading[p])
			}
		}
	}
}
