package finetune

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/feature"
	"dtl-tf/runner/internal/build"
	"dtl-tf/runner/machine"
)

// TestCacheKey: the key names the very build, the device with its model, and what computes.
func TestCacheKey(t *testing.T) {
	p := &plan{config: deepRun(t).filled(), data: &dataset{name: "d"}}
	var err error
	p.backbone, err = p.config.loadBackbone(t.Context())
	expect.NoError(t, err)
	key := func(version string, precision graph.Precision, device graph.Device) feature.Key {
		p.config.Precision, p.devices.Kind = precision, device
		o, err := p.storeOptions("", nil, runner.UI{Version: version})
		expect.NoError(t, err)
		if o.Versions.Program != o.Key.Program {
			t.Errorf("programs %q and %q", o.Versions.Program, o.Key.Program)
		}
		return o.Key
	}
	dev, err := build.Name("dev")
	expect.NoError(t, err)
	computing, err := runner.Computing()
	expect.NoError(t, err)
	k := key("dev", graph.FP32, graph.Processor)
	if k.Program != dev || dev == "dev" || k.Device != "cpu, "+machine.Processor() || k.Kernels != "" {
		t.Errorf("%+v", k)
	}
	if k := key("v1.0", graph.BF16, graph.Processor); k.Program != "v1.0" || k.Kernels != computing.Kernels || k.OneDNN != strings.TrimSpace(computing.OneDNN+" "+computing.Limit) {
		t.Errorf("%+v", k)
	}
	if k := key("v1.0", graph.BF16, graph.GPU); !strings.HasPrefix(k.Device, "gpu, ") || k.Kernels != "" {
		t.Errorf("%+v", k)
	}
}

// TestOldCache: a cache whose key has no build is listed and cleared, and not used.
func TestOldCache(t *testing.T) {
	c := deepRun(t)
	tuned(t, c)
	list, err := feature.List(c.FeatureCache)
	expect.NoError(t, err)
	old := oldCache(t, c.FeatureCache, list[0].Name)
	if o := tuned(t, c); o.run.FeatureCache.Found == 0 || strings.Contains(o.run.FeatureCache.Folder, old) {
		t.Errorf("%+v", o.run.FeatureCache)
	}
	list, err = feature.List(c.FeatureCache)
	expect.NoError(t, err)
	i := slices.IndexFunc(list, func(e feature.Entry) bool { return e.Name == old })
	if len(list) != 2 || i < 0 || list[i].Problem != "" || list[i].Key.Program != "" {
		t.Fatalf("%+v", list)
	}
	removed, _, err := feature.Clear(c.FeatureCache)
	expect.NoError(t, err)
	if len(removed) != 2 {
		t.Errorf("removed %v", removed)
	}
}

// oldCache copies a cache to what it was before its key had the build, and returns the name of its folder.
func oldCache(t *testing.T, dir, name string) string {
	t.Helper()
	const old = "0123456789abcdef"
	expect.NoError(t, os.CopyFS(filepath.Join(dir, old), os.DirFS(filepath.Join(dir, name))))
	index := filepath.Join(dir, old, "index.json")
	raw, err := os.ReadFile(index)
	expect.NoError(t, err)
	var all map[string]any
	expect.NoError(t, json.Unmarshal(raw, &all))
	key := all["key"].(map[string]any)
	for _, field := range []string{"program", "device", "kernels"} {
		if _, ok := key[field]; !ok {
			t.Fatalf("the key has no %s", field)
		}
		delete(key, field)
	}
	raw, err = json.Marshal(all)
	expect.NoError(t, err)
	expect.NoError(t, os.WriteFile(index, raw, 0o666))
	return old
}
