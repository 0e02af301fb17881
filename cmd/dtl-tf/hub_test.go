package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/hub/hubtest"
	"dtl-tf/runner/result"
)

const (
	hubModel  = "timm/vit_test.in1k"
	hubCommit = "0123456789abcdef0123456789abcdef01234567"
	// hubConfig is what timm writes beside the weights. The normalisation is not the default.
	hubConfig = `{"architecture": "vit_test", "num_classes": 0, "num_features": 16, "global_pool": "token", "model_args": {"num_heads": 4},
		"pretrained_cfg": {"input_size": [3, 8, 8], "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}}`
)

// timmWeights is a .safetensors file of a ViT with the sizes of tiny and timm's names.
func timmWeights(t *testing.T) []byte {
	t.Helper()
	random, m := rand.New(rand.NewPCG(1, 2)), tensor.Map{}
	add := func(name string, shape ...int) {
		v := tensor.Zeros(shape...)
		for i := range v.Float32() {
			v.Float32()[i] = float32(random.NormFloat64()) / 8
		}
		m[name] = v
	}
	add("patch_embed.proj.weight", 16, 3, 4, 4)
	add("patch_embed.proj.bias", 16)
	add("cls_token", 1, 1, 16)
	add("pos_embed", 1, 5, 16)
	for block := range 2 {
		name := "blocks." + strconv.Itoa(block) + "."
		for part, shape := range map[string][]int{"norm1": {16}, "norm2": {16}, "attn.qkv": {48, 16}, "attn.proj": {16, 16}, "mlp.fc1": {32, 16}, "mlp.fc2": {16, 32}} {
			add(name+part+".weight", shape...)
			add(name+part+".bias", shape[0])
		}
	}
	add("norm.weight", 16)
	add("norm.bias", 16)
	var b bytes.Buffer
	expect.NoError(t, weight.WriteSafetensors(&b, m, nil))
	return b.Bytes()
}

// newHub starts a hub with the model, for the environment of this process.
func newHub(t *testing.T) (h *hubtest.Hub, snapshot string) {
	t.Helper()
	h = hubtest.New(t)
	h.Models[hubModel] = &hubtest.Model{Commit: hubCommit, Files: map[string]*hubtest.File{
		"model.safetensors": {Content: timmWeights(t), Large: true}, "config.json": {Content: []byte(hubConfig)}, "pytorch_model.bin": {Content: []byte("pickle"), Large: true},
	}}
	cache := h.Environment(t)
	return h, filepath.Join(cache, "models--timm--vit_test.in1k", "snapshots", hubCommit)
}

// TestHub fetches a backbone, and then uses it without the network.
func TestHub(t *testing.T) {
	h, snapshot := newHub(t)
	weights := filepath.Join(snapshot, "model.safetensors")
	o := cli(t, "backbone", "fetch", hubModel)
	o.want(t, exitDone, hubModel+"@main is commit "+hubCommit+": 2 files, ")
	if o.out != weights+"\n" {
		t.Errorf("it prints %q, want %s", o.out, weights)
	}
	o = cli(t, "backbone", "fetch", "--json", "--quiet", hubModel+"@"+hubCommit)
	o.want(t, exitDone)
	var fetched struct {
		Repo, Commit, Folder, Weights, Path string
		Files                               []string
	}
	decode(t, []byte(o.out), &fetched)
	if o.err != "" || fetched.Repo != hubModel || fetched.Commit != hubCommit || fetched.Folder != snapshot || fetched.Path != weights || fetched.Weights != "model.safetensors" || len(fetched.Files) != 2 {
		t.Errorf("%+v, %s", fetched, o.err)
	}

	t.Setenv("HF_HUB_OFFLINE", "1")
	h.Requests()
	o = cli(t, "backbone", "inspect", "hf:"+hubModel)
	o.want(t, exitDone)
	for _, text := range []string{"hub             " + hubModel + ", commit " + hubCommit, weights, "mean [0.1 0.2 0.3] (config.json), std [0.4 0.5 0.6] (config.json)", "4 heads"} {
		if !strings.Contains(o.out, text) {
			t.Errorf("inspect lacks %q:\n%s", text, o.out)
		}
	}
	var info struct{ Repo, Commit string }
	decode(t, []byte(cli(t, "backbone", "inspect", "--json", "hf:"+hubModel).out), &info)
	if info.Repo != hubModel || info.Commit != hubCommit {
		t.Errorf("inspect --json has %+v", info)
	}

	out := filepath.Join(t.TempDir(), "run")
	o = cli(t, tune(out, "--backbone", "hf:"+hubModel, "--epochs", "1", "--checkpoint-every", "1")...)
	o.want(t, exitDone)
	if !strings.Contains(o.out, "vit_test.in1k") {
		t.Errorf("the table does not name the backbone:\n%s", o.out)
	}
	r := readRun(t, out)
	if b := r.Backbone; b.Repo != hubModel || b.Commit != hubCommit || b.Path != weights || b.SHA256 != h.Models[hubModel].Files["model.safetensors"].ETag() || b.Heads != 4 || b.Mean[0] != 0.1 {
		t.Errorf("run.json has %+v", b)
	}
	var config struct{ Backbone string }
	decode(t, r.Config, &config)
	if config.Backbone != weights {
		t.Errorf("the configuration has %q", config.Backbone)
	}
	cli(t, tune(out, "--backbone", "hf:"+hubModel, "--epochs", "1", "--resume")...).want(t, exitDone, "nothing is left to do")
	adapter := filepath.Join(out, result.AdapterFile)
	with := func(backbone string) []string {
		return []string{"predict", "--json", "--backbone", backbone, "--adapter", adapter, filepath.Join(fixture.data, "images")}
	}
	if a, b := cli(t, with("hf:"+hubModel)...), cli(t, with(weights)...); a.code != exitDone || a.out != b.out || a.out == "" {
		t.Errorf("hf: and the path differ: %+v, %+v", a, b)
	}
	if list := h.Requests(); len(list) != 0 {
		t.Errorf("requests: %v", list)
	}
}

// TestHubDirect: hf: downloads what the cache lacks, in every command.
func TestHubDirect(t *testing.T) {
	t.Setenv(childVariable, wholeProgram) // of the processes that compare starts
	name, results := "hf:"+hubModel, filepath.Join(t.TempDir(), "results")
	for _, args := range [][]string{
		{"backbone", "inspect", name},
		{"backbone", "export", name, "--out", filepath.Join(t.TempDir(), "saved")},
		tune(filepath.Join(t.TempDir(), "run"), "--backbone", name, "--epochs", "1"),
		{"eval", "--backbone", name, "--adapter", filepath.Join(dtlRun(t), result.AdapterFile), "--data", fixture.data},
		vtabRun(vtabRoot(t, "eurosat"), results, "--backbone", name, "--set", "epochs=1,batch=8,lr=0.02", "--seeds", "1,2"),
		{"compare", "--backbone", name, "--methods", "linear", "--batch", "2", "--steps", "1", "--out", t.TempDir()},
	} {
		t.Run(args[0]+" "+args[1], func(t *testing.T) {
			h, snapshot := newHub(t)
			o := cli(t, args...)
			if args[0] == "eval" { // an adapter of another backbone
				o.want(t, exitFailed, "was trained on another backbone")
			} else {
				o.want(t, exitDone)
			}
			if strings.Count(o.err, hubModel+"@main is commit "+hubCommit+": 2 files") != 1 {
				t.Errorf("the download is not announced once:\n%s", o.err)
			}
			if args[0] == "compare" && !strings.Contains(o.out, "vit_test.in1k") {
				t.Errorf("the table does not name the backbone:\n%s", o.out)
			}
			if _, err := os.Stat(filepath.Join(snapshot, "config.json")); err != nil {
				t.Error(err)
			}
			if args[0] == "vtab" {
				if b := readCell(t, results, "eurosat", "dtl", 2).Run.Backbone; b.Repo != hubModel || b.Commit != hubCommit {
					t.Errorf("the cell has %+v", b)
				}
				if table := cli(t, "vtab", "table", results); !strings.Contains(table.out, "Backbone: "+hubModel+" at commit "+hubCommit) {
					t.Errorf("the table does not name the backbone:\n%s", table.out)
				}
			}
			stored := 0
			for _, r := range h.Requests() {
				if r.Stored {
					stored++
				}
			}
			if stored != 1 {
				t.Errorf("%d downloads, want 1", stored)
			}
		})
	}
}

// TestHubRefused: what cannot be fetched is an error, before anything is written.
func TestHubRefused(t *testing.T) {
	h, _ := newHub(t)
	h.Models["timm/pickles"] = &hubtest.Model{Commit: hubCommit, Files: map[string]*hubtest.File{"pytorch_model.bin": {Content: []byte("x"), Large: true}}}
	h.Models["timm/several"] = &hubtest.Model{Commit: hubCommit, Files: map[string]*hubtest.File{
		"a.safetensors": {Content: timmWeights(t), Large: true}, "b.safetensors": {Content: timmWeights(t), Large: true}}}
	for _, c := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"backbone", "fetch"}, exitUsage, []string{"name one model"}},
		{[]string{"backbone", "fetch", "a/b", "c/d"}, exitUsage, []string{"name one model"}},
		{[]string{"backbone", "fetch", "a/b/c"}, exitUsage, []string{`"a/b/c" is not the name of a model`, "OWNER/NAME@REVISION"}},
		{[]string{"backbone", "fetch", hubModel + "@../x"}, exitUsage, []string{`"../x" is not a revision`}},
		{[]string{"backbone", "fetch", "--file", "pytorch_model.bin", hubModel}, exitUsage, []string{"--file pytorch_model.bin: want a .safetensors file"}},
		{[]string{"backbone", "inspect", "hf:../x"}, exitUsage, []string{"--backbone: ", "not the name of a model"}},
		{[]string{"backbone", "inspect", "hf:timm/none"}, exitFailed, []string{"--backbone hf:timm/none: ", "the hub has no model timm/none@main"}},
		{[]string{"backbone", "fetch", hubModel + "@v2"}, exitFailed, []string{`no branch, tag or commit "v2"`}},
		{[]string{"backbone", "fetch", "timm/pickles"}, exitFailed, []string{"pickles (pytorch_model.bin)", "python3 -c"}},
		{[]string{"backbone", "fetch", "timm/several"}, exitFailed, []string{"--file NAME: a.safetensors, b.safetensors"}},
	} {
		o := cli(t, c.args...)
		o.want(t, c.code, c.want...)
		if o.out != "" {
			t.Errorf("stdout: %s", o.out)
		}
	}
	absent(t, filepath.Join(os.Getenv("HF_HOME"), "hub"))
	o := cli(t, "backbone", "fetch", "timm/several", "--file", "b.safetensors")
	o.want(t, exitDone)
	if !strings.HasSuffix(o.out, "/b.safetensors\n") {
		t.Errorf("stdout: %s", o.out)
	}
	cli(t, "backbone", "inspect", "--heads", "4", strings.TrimSpace(o.out)).want(t, exitDone)
	cli(t, "backbone", "inspect", "--heads", "4", "hf:timm/several").want(t, exitDone)
	t.Setenv("HF_HUB_OFFLINE", "1")
	cli(t, tune(filepath.Join(t.TempDir(), "run"), "--backbone", "hf:"+hubModel)...).want(t, exitFailed, "HF_HUB_OFFLINE forbids the network", "does not have "+hubModel)
	t.Setenv("HF_ENDPOINT", "ftp://x")
	cli(t, "backbone", "fetch", hubModel).want(t, exitFailed, "HF_ENDPOINT is not the address of a hub")
}

// TestHubInterrupt: Ctrl-C ends a download with code 130, and the same command continues it.
func TestHubInterrupt(t *testing.T) {
	h, snapshot := newHub(t)
	f := h.Models[hubModel].Files["model.safetensors"]
	const part = 4096
	partial := filepath.Join(filepath.Dir(filepath.Dir(snapshot)), "blobs", f.ETag()+".incomplete")
	h.Instead = func(w http.ResponseWriter, r *http.Request, stored bool) bool {
		if !stored || r.Header.Get("Range") != "" {
			return false
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(f.Content)))
		_, _ = w.Write(f.Content[:part])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}
	h.Requests() // the other process sees the change
	p := launch(t, wholeProgram, "backbone", "fetch", hubModel)
	if !p.until(func() bool {
		time.Sleep(time.Millisecond)
		info, err := os.Stat(partial)
		return err == nil && info.Size() == part
	}) {
		t.Fatalf("the download has not begun: %s", p.stderr.String())
	}
	p.send(syscall.SIGINT)
	p.end().want(t, exitInterrupted, "stopping", "interrupted with 4.1 kB of ", "of model.safetensors, which are kept: the same command continues")
	absent(t, filepath.Join(snapshot, "model.safetensors"))
	h.Requests()
	cli(t, "backbone", "fetch", hubModel).want(t, exitDone, "of which 4.1 kB are there already")
	for _, r := range h.Requests() {
		if got := r.Header.Get("Range"); r.Stored && got != "bytes="+strconv.Itoa(part)+"-" {
			t.Errorf("asked for the range %q", got)
		}
	}
	if raw := read(t, snapshot, "model.safetensors"); !bytes.Equal(raw, f.Content) {
		t.Error("the file differs from the hub's")
	}
	var config any
	expect.NoError(t, json.Unmarshal(read(t, snapshot, "config.json"), &config))
}
