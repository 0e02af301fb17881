package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner/result"
)

// service is dtl-tf serve as a separate process.
type service struct {
	*process
	url, admin string
}

var address = regexp.MustCompile(`(?m)^(serving|admin) on (\S+)$`)

// serveArgs are flags for any free ports.
func serveArgs(more ...string) []string {
	return append([]string{"serve", "--backbone", fixture.backbone, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--threads", "1"}, more...)
}

func startService(t *testing.T, more ...string) *service {
	t.Helper()
	s := &service{process: launch(t, wholeProgram, serveArgs(more...)...)}
	for end := time.Now().Add(time.Minute); s.admin == ""; time.Sleep(5 * time.Millisecond) {
		for _, m := range address.FindAllStringSubmatch(s.stdout.String(), -1) {
			if m[1] == "serving" {
				s.url = m[2]
			} else {
				s.admin = m[2]
			}
		}
		select {
		case <-s.done:
			t.Fatalf("the server ended: %s", s.stderr.String())
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("the server does not begin: %s", s.stderr.String())
		}
	}
	return s
}

// stop sends SIGTERM. The server must end with 0.
func (s *service) stop(t *testing.T) {
	t.Helper()
	s.send(syscall.SIGTERM)
	s.end().want(t, exitDone)
}

// post sends a body and returns the answer's status and body.
func post(url, kind string, body []byte) (int, []byte, error) {
	a, err := http.Post(url, kind, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	defer a.Body.Close()
	raw, err := io.ReadAll(a.Body)
	return a.StatusCode, raw, err
}

// asked is the answer of POST /v1/predict.
type asked struct {
	Predictions []struct {
		prediction
		Adapter string
	}
}

// TestServe: the answers of the server are those of predict, for adapters of different methods and numbers of classes, in both
// interfaces. SIGTERM ends it with 0.
func TestServe(t *testing.T) {
	adapters := map[string]string{"half": dtlRun(t), "line": trained(t, "--method", "linear", "--epochs", "1"), "inside": trained(t, "--method", "lora", "--epochs", "1")}
	var flags []string
	for name, run := range adapters {
		flags = append(flags, "--adapter", name+"="+run)
	}
	s := startService(t, flags...)
	images := testImages(t)
	var instances []string
	for _, path := range images {
		instances = append(instances, `{"b64":"`+base64.StdEncoding.EncodeToString(read(t, path))+`"}`)
	}
	for name, run := range adapters {
		want := predictions(t, append([]string{"predict", "--backbone", fixture.backbone, "--adapter", filepath.Join(run, result.AdapterFile)}, images...)...)
		status, raw, err := post(s.url+"/v1/models/"+name+":predict", "application/json", []byte(`{"instances":[`+strings.Join(instances, ",")+`]}`))
		expect.NoError(t, err)
		var rows struct {
			Predictions []struct {
				Logits, Probabilities []float64
				Label                 int
			}
		}
		decode(t, raw, &rows)
		if status != 200 || len(rows.Predictions) != len(want) {
			t.Fatalf("%s: status %d, %s", name, status, raw)
		}
		for i, w := range want {
			got := rows.Predictions[i]
			if got.Label != w.Label || math.Abs(got.Probabilities[got.Label]-w.Probability) > 1e-5 {
				t.Errorf("%s, %s: %+v, predict says %+v", name, w.Image, got, w)
			}
			sameLogits(t, []prediction{{Logits: got.Logits}}, []prediction{w}, 1e-5)
		}
	}
	// One image at a time is the same computation as predict --batch 1.
	for _, path := range images[:3] {
		status, raw, err := post(s.url+"/v1/predict", "image/png", read(t, path))
		expect.NoError(t, err)
		var got asked
		decode(t, raw, &got)
		if status != 200 || len(got.Predictions) != len(adapters) {
			t.Fatalf("status %d, %s", status, raw)
		}
		for _, p := range got.Predictions {
			want := predictions(t, "predict", "--backbone", fixture.backbone, "--batch", "1", "--adapter", filepath.Join(adapters[p.Adapter], result.AdapterFile), path)
			sameLogits(t, []prediction{p.prediction}, want, 1e-6)
			if p.Label != want[0].Label || math.Abs(p.Probability-want[0].Probability) > 1e-6 {
				t.Errorf("%s: %+v, want %+v", p.Adapter, p, want[0])
			}
		}
	}
	s.stop(t)
}

// TestServeFirstAdapter: without --adapter, the first adapter of the watched folder decides how images are scaled and turned and the precision, and
// if the folder is empty at the start, the first that comes.
func TestServeFirstAdapter(t *testing.T) {
	root := t.TempDir()
	folders(t, root, "train", 4, spices)
	folders(t, root, "test", 3, spices)
	run := filepath.Join(t.TempDir(), "run")
	cli(t, tune(run, "--data", root, "--test-resize", "9")...).want(t, exitDone)
	image := read(t, testImages(t)[0])
	for _, there := range []bool{true, false} {
		watch := t.TempDir()
		put := func() { write(t, filepath.Join(watch, "spices.safetensors"), read(t, run, result.AdapterFile)) }
		if there {
			put()
		}
		s := startService(t, "--watch", watch, "--watch-every", "20ms")
		if !there {
			if status, raw, _ := post(s.url+"/v1/predict", "image/png", image); status != http.StatusServiceUnavailable {
				t.Errorf("without an adapter: %d %s", status, raw)
			}
			put()
		}
		status, raw := 0, []byte(nil)
		for end := time.Now().Add(20 * time.Second); status != http.StatusOK && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			status, raw, _ = post(s.url+"/v1/predict", "image/png", image)
		}
		var got asked
		decode(t, raw, &got)
		want := predictions(t, "predict", "--backbone", fixture.backbone, "--adapter", filepath.Join(run, result.AdapterFile), testImages(t)[0])[0]
		if status != http.StatusOK || len(got.Predictions) != 1 || !near(got.Predictions[0].Logits, want.Logits) {
			t.Errorf("there at the start: %v; %d %s, want %+v; %s", there, status, raw, want, s.stderr.String())
		}
		s.stop(t)
	}
}

// TestServeRefuses: what can't be served ends the program before it serves, and does not disturb a server that runs.
func TestServeRefuses(t *testing.T) {
	run := dtlRun(t)
	file := filepath.Join(run, result.AdapterFile)
	a, err := result.ReadAdapter(file)
	expect.NoError(t, err)
	foreign, dir := map[string]string{}, t.TempDir()
	for k, v := range a.Meta {
		foreign[k] = v
	}
	foreign["backbone_weights_sha256"] = strings.Repeat("0", 64)
	other := filepath.Join(dir, "other.safetensors")
	expect.NoError(t, writeSafetensors(other, a.Tensors, foreign))
	tensors := tensor.Map{}
	for name, v := range a.Tensors {
		tensors[name] = v.Clone()
	}
	weights := tensors["head.weight"] // [3, 16]: the logit of class 1 overflows
	for i := range 16 {
		weights.Float32()[16+i] = math.MaxFloat32
	}
	nan := filepath.Join(dir, "nan.safetensors")
	expect.NoError(t, writeSafetensors(nan, tensors, a.Meta))
	torn := write(t, filepath.Join(dir, "torn.safetensors"), read(t, file)[:200])

	cli(t, serveArgs("--adapter", file, "--adapter", other)...).want(t, exitFailed, "was trained on another backbone")
	cli(t, serveArgs("--adapter", torn)...).want(t, exitFailed, torn)
	cli(t, serveArgs("--adapter", "a="+file, "--adapter", "a="+other)...).want(t, exitUsage, "two adapters have the name a")
	cli(t, serveArgs("--adapter", file, "--listen", ":0")...).want(t, exitUsage, "can be reached from other machines")
	cli(t, serveArgs()[:3]...).want(t, exitUsage, "nothing to serve")
	cli(t, serveArgs("--watch", filepath.Join(dir, "none"))...).want(t, exitFailed, "--watch", "is no folder")

	s := startService(t, "--adapter", "half="+file)
	cli(t, serveArgs("--adapter", file, "--listen", strings.TrimPrefix(s.url, "http://"))...).want(t, exitFailed, "address already in use")
	for path, want := range map[string]string{other: "was trained on another backbone", torn: "(uploaded)"} {
		status, raw, err := post(s.admin+"/v1/adapters/half", "", read(t, path))
		if err != nil || status != 400 || !strings.Contains(string(raw), want) {
			t.Errorf("status %d, %s, %v, want %q", status, raw, err, want)
		}
	}
	if status, raw, err := post(s.admin+"/v1/adapters/nan", "", read(t, nan)); err != nil || status != 201 {
		t.Errorf("status %d, %s, %v", status, raw, err)
	}
	image := read(t, testImages(t)[0])
	if status, raw, err := post(s.url+"/v1/predict?adapter=nan", "", image); err != nil || status != 500 || !strings.Contains(string(raw), "its logit of class 1 is ") {
		t.Errorf("status %d, %s, %v", status, raw, err)
	}
	if status, raw, err := post(s.url+"/v1/predict?adapter=half", "", image); err != nil || status != 200 {
		t.Errorf("status %d, %s, %v", status, raw, err)
	}
	s.stop(t)
}

// TestServeSoak asks the server from 16 clients while an adapter is replaced again and again, and checks every answer: it must be that
// of one of the two versions. It takes seconds, and with DTL_HEAVY=1 ten minutes, in which the memory must stay flat from the second
// minute on. Under the race detector, which also uses memory, growth is reported but does not fail the test.
func TestServeSoak(t *testing.T) {
	long := need.AllowsHeavy()
	last := 3 * time.Second
	if long {
		last = 10 * time.Minute
	}
	files := []string{filepath.Join(dtlRun(t), result.AdapterFile), filepath.Join(trained(t, "--method", "dtl+", "--epochs", "1"), result.AdapterFile)}
	images := testImages(t)
	var content [][]byte
	valid := make([][][]float64, len(files)) // by version and image
	for v, f := range files {
		for i, p := range predictions(t, append([]string{"predict", "--backbone", fixture.backbone, "--adapter", f}, images...)...) {
			valid[v] = append(valid[v], p.Logits)
			if v == 0 {
				content = append(content, read(t, images[i]))
			}
		}
	}
	s := startService(t, "--adapter", "x="+files[0], "--adapter", "y="+files[1])
	begun := time.Now()
	var answers, versions [2]atomic.Int64
	var all sync.WaitGroup
	for k := range 16 {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := k; time.Since(begun) < last; i++ {
				at := i % len(content)
				status, raw, err := post(s.url+"/v1/predict", "image/png", content[at])
				var got asked
				if err != nil || status != 200 || json.Unmarshal(raw, &got) != nil || len(got.Predictions) != 2 {
					t.Errorf("status %d, %s, %v", status, raw, err)
					return
				}
				for p, one := range got.Predictions {
					found := false
					for v := range valid {
						if (p == 0 || v == 1) && near(one.Logits, valid[v][at]) {
							versions[v].Add(1)
							found = true
						}
					}
					if !found {
						t.Errorf("%s: logits %v of image %d are of no version", one.Adapter, one.Logits, at)
						return
					}
					answers[p].Add(1)
				}
			}
		}()
	}
	var early, late int64
	for i := 1; time.Since(begun) < last; i++ {
		body := fmt.Sprintf(`{"file":%q}`, files[i%2])
		if status, raw, err := post(s.admin+"/v1/adapters/x", "application/json", []byte(body)); err != nil || status != 200 {
			t.Errorf("status %d, %s, %v", status, raw, err)
		}
		time.Sleep(last / 300)
		if bytes := resident(t, s.Process.Pid); time.Since(begun) < last/5 {
			early = bytes
		} else {
			late = bytes
		}
	}
	all.Wait()
	t.Logf("%d answers, %d and %d of the versions; resident memory %d MB after a fifth of the time, %d MB at the end", answers[0].Load()+answers[1].Load(),
		versions[0].Load(), versions[1].Load(), early>>20, late>>20)
	if versions[0].Load() == 0 || answers[0].Load() != answers[1].Load() {
		t.Error("the adapter was not replaced, or answers were lost")
	}
	if long && !need.RaceDetector && float64(late) > 1.03*float64(early) {
		t.Error("the memory grows")
	}
	s.stop(t)
}

func near(a, b []float64) bool {
	for i := range a {
		if !(math.Abs(a[i]-b[i]) < 1e-5) {
			return false
		}
	}
	return len(a) == len(b)
}

var rss = regexp.MustCompile(`VmRSS:\s*(\d+) kB`)

// resident is the resident memory of a process in bytes.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	need.NoError(t, err)
	m := rss.FindSubmatch(raw)
	if m == nil {
		return 0
	}
	kb, err := strconv.ParseInt(string(m[1]), 10, 64)
	expect.NoError(t, err)
	return kb << 10
}
