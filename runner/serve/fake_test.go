package serve

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	stdimage "image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/jpeg"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner/data"
)

// fake is an Engine without TensorFlow. An adapter file has the text "VALUE CLASSES"; logit c of an image is VALUE + c/8 + its first
// byte. An adapter whose VALUE is NaN gives NaN. The text "VALUE CLASSES several" makes one of which an image has any number of classes.
type fake struct {
	gate chan struct{} // unless nil, each call takes a value first

	mu    sync.Mutex
	rows  []int                    // images of each call
	fail  func(parts []Part) error // unless nil
	open  atomic.Int64
	begun atomic.Int64 // calls

	unreadable atomic.Bool // every file that is opened
}

const fakeSize = 4

type fakeModel struct {
	engine  *fake
	value   float32
	classes int
	several bool
	closed  atomic.Bool
}

func (f *fake) ImageSize() int { return fakeSize }

func (f *fake) Images() data.Images { return data.Images{Size: fakeSize} }

func (f *fake) Open(_ context.Context, file string) (Model, error) {
	raw, err := os.ReadFile(file)
	if f.unreadable.Load() {
		err = &os.PathError{Op: "read", Path: file, Err: syscall.EIO}
	}
	if err != nil {
		return nil, err
	}
	m := &fakeModel{engine: f}
	if _, err := fmt.Sscanf(string(raw), "%g %d", &m.value, &m.classes); err != nil || m.classes < 1 {
		return nil, fmt.Errorf("adapter %s is no adapter", file)
	}
	m.several = strings.HasSuffix(string(raw), " several")
	f.open.Add(1)
	return m, nil
}

func (m *fakeModel) Classes() int  { return m.classes }
func (m *fakeModel) Several() bool { return m.several }
func (m *fakeModel) ClassNames() []string {
	return []string{"amber", "basil", "cobalt", "dill"}[:m.classes]
}
func (m *fakeModel) Close() error {
	if m.closed.Swap(true) {
		return errors.New("closed twice")
	}
	m.engine.open.Add(-1)
	return nil
}

func (f *fake) Logits(images tensor.Tensor, parts []Part) (r Result, err error) {
	f.begun.Add(1)
	if f.gate != nil {
		<-f.gate
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows = append(f.rows, images.Shape[0])
	if f.fail != nil {
		if err := f.fail(parts); err != nil {
			return r, err
		}
	}
	pixels := images.Data.([]uint8)
	for _, p := range parts {
		m := p.Model.(*fakeModel)
		if m.closed.Load() {
			return r, errors.New("the adapter is closed")
		}
		logits := tensor.Zeros(len(p.Rows), m.classes)
		for i, row := range p.Rows {
			for c := range m.classes {
				logits.Float32()[i*m.classes+c] = m.value + float32(c)/8 + float32(pixels[row*fakeSize*fakeSize*3])
			}
		}
		r.Logits = append(r.Logits, logits)
		r.Run, r.Alone = r.Run+len(p.Rows), r.Alone+2*len(p.Rows)
	}
	return r, nil
}

func (f *fake) Close() error { return nil }

// harness is a server on a fake engine.
type harness struct {
	*server
	t      *testing.T
	engine *fake
	url    string
	admin  string
	log    *lines
}

// lines is a log that tests read.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start serves the adapters cats (100, 3 classes) and tiles (200, 2 classes).
func start(t *testing.T, change func(c *Config, e *fake)) *harness {
	t.Helper()
	c, e, out := Default(), &fake{}, &lines{}
	c.Listen, c.Admin = "127.0.0.1:0", "127.0.0.1:0"
	if change != nil {
		change(&c, e)
	}
	gate := e.gate
	e.gate = nil // warming up needs no value
	s := newServer(c, slog.New(slog.NewTextHandler(out, nil)))
	var err error
	s.token, err = readToken("token-file", c.TokenFile, func(string, ...any) {})
	expect.NoError(t, err)
	fronts, err := s.listen(nil)
	expect.NoError(t, err)
	adapters := newAdapters(e, s.log)
	for name, text := range map[string]string{"cats": "100 3", "tiles": "200 2"} {
		_, err := adapters.put(t.Context(), name, adapterText(t, text), "", byFlag)
		expect.NoError(t, err)
	}
	decoder, err := jpeg.NewDecoder(1)
	expect.NoError(t, err)
	e.gate = gate
	e.begun.Store(0)
	e.rows = nil
	s.begin(e, adapters, decoder)
	for _, f := range fronts {
		go func() { _ = f.server.Serve(f.listener) }()
	}
	t.Cleanup(func() {
		for _, f := range fronts {
			f.server.Close()
		}
		if gate != nil {
			close(gate)
		}
		s.end()
		adapters.close()
		decoder.Close()
		if n := e.open.Load(); n != 0 {
			t.Errorf("%d adapters are still open", n)
		}
		if n := s.bodies.free; n != int64(c.MaxBody)<<20*bodiesAtOnce {
			t.Errorf("%d bytes of bodies were not given back", int64(c.MaxBody)<<20*bodiesAtOnce-n)
		}
	})
	return &harness{s, t, e, "http://" + fronts[0].listener.Addr().String(), "http://" + fronts[1].listener.Addr().String(), out}
}

func adapterText(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "adapter.safetensors")
	expect.NoError(t, os.WriteFile(path, []byte(text), 0o666))
	return path
}

// grey is a PNG of one grey.
func grey(level uint8) []byte {
	m := stdimage.NewGray(stdimage.Rect(0, 0, fakeSize, fakeSize))
	for i := range m.Pix {
		m.Pix[i] = color.Gray{Y: level}.Y
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func b64(content []byte) string {
	return `{"b64":"` + base64.StdEncoding.EncodeToString(content) + `"}`
}

// reply is an answer of the server.
type reply struct {
	status int
	header http.Header
	body   string
}

// client uses a connection for each request, so that none is left when a test ends.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}

func send(method, url, kind string, body io.Reader, headers ...string) (reply, error) {
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		return reply{}, err
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	a, err := client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer a.Body.Close()
	raw, err := io.ReadAll(a.Body)
	return reply{a.StatusCode, a.Header, string(raw)}, err
}

func (h *harness) send(method, url, kind, body string, headers ...string) reply {
	h.t.Helper()
	a, err := send(method, url, kind, strings.NewReader(body), headers...)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// logit is the first logit that an adapter gives for an image.
func (h *harness) logit(name string, level uint8) float32 {
	h.t.Helper()
	v, err := ask(h.url, name, level)
	expect.NoError(h.t, err)
	return v
}

func ask(url, name string, level uint8) (float32, error) {
	a, err := send("POST", url+"/v1/models/"+name+":predict", "", strings.NewReader(`{"instances":[`+b64(grey(level))+`]}`))
	if err != nil {
		return 0, err
	}
	var got struct{ Predictions []struct{ Logits []float32 } }
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 || len(got.Predictions) != 1 {
		return float32(math.NaN()), fmt.Errorf("status %d: %s", a.status, a.body)
	}
	return got.Predictions[0].Logits[0], nil
}

// wants checks status and error text of an answer in the form of TensorFlow Serving.
func (a reply) wants(t *testing.T, status int, texts ...string) {
	t.Helper()
	var e map[string]string
	if err := json.Unmarshal([]byte(a.body), &e); err != nil || len(e) != 1 || e["error"] == "" || a.status != status {
		t.Errorf("status %d, want %d with an error: %.300s", a.status, status, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(e["error"], text) {
			t.Errorf("the error lacks %q: %s", text, e["error"])
		}
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it did not happen that %s", what)
		}
	}
}
