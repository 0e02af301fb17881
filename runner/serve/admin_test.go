package serve

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
)

// TestAdmin: adapters are added, replaced and removed; a bad one changes nothing.
func TestAdmin(t *testing.T) {
	h := start(t, nil)
	at := h.admin + "/v1/adapters/"
	if a := h.send("POST", at+"new", "", "300 2"); a.status != 201 || !strings.Contains(a.body, `"adapter":"new","version":1,"classes":2,"source":"admin"`) {
		t.Errorf("%+v", a)
	}
	if a := h.send("POST", at+"cats", "application/json", `{"file":"`+adapterText(t, "400 3")+`"}`); a.status != 200 || !strings.Contains(a.body, `"version":2`) {
		t.Errorf("%+v", a)
	}
	if v := h.logit("cats", 1); v != 401 {
		t.Errorf("the new adapter gives %v, want 401", v)
	}
	h.send("POST", h.url+"/v1/models/cats/versions/1:predict", "", "{}").wants(t, 404, "it has version 2")
	for _, c := range []struct {
		method, name, kind, body string
		status                   int
		want                     string
	}{
		{"POST", "cats", "", "rubbish", 400, "the adapter cats stays as it was: adapter (uploaded) is no adapter"},
		{"POST", "cats", "", "", 400, "the body is empty"},
		{"POST", "cats", "application/json", `{"file":"/no/such/file"}`, 400, "/no/such/file"},
		{"POST", "cats", "", `{"file":"/no/such/file"}`, 400, "a request that names a file on the server has the header Content-Type: application/json"},
		{"POST", "cats", "application/json", `{"path":"x"}`, 400, `want {"file": "PATH"}`},
		{"POST", "-x", "", "1 1", 400, "can't be the name of an adapter"},
		{"POST", "a:b", "", "1 1", 400, "can't be the name of an adapter"},
		{"DELETE", "none", "", "", 404, "Latest(none)"},
		{"PUT", "cats", "", "", 405, "use POST, DELETE"},
	} {
		h.send(c.method, at+c.name, c.kind, c.body).wants(t, c.status, c.want)
	}
	if a := h.send("DELETE", at+"new", "", ""); a.status != 200 {
		t.Errorf("%+v", a)
	}
	h.send("POST", h.url+"/v1/models/new:predict", "", "{}").wants(t, 404, "Latest(new)")
	if a := h.send("GET", h.admin+"/v1/adapters", "", ""); !strings.Contains(a.body, `"adapter":"cats","version":2`) || strings.Contains(a.body, "new") {
		t.Errorf("%+v", a)
	}
	if v := h.logit("cats", 1); v != 401 {
		t.Errorf("after bad adapters %v, want 401", v)
	}
	h.send("GET", h.admin+"/v1/adapters", "", "", "Host", "evil.example").wants(t, 403, "not browsers")
	h.send("GET", h.admin+"/v1/adapters", "", "", "Origin", "http://evil.example").wants(t, 403, "not browsers")
	h.send("POST", h.url+"/v1/adapters/cats", "", "1 1").wants(t, 404, "Malformed request") // the public address changes nothing
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "dtl-tf-serve-*")); len(left) > 0 {
		t.Errorf("uploads are left: %v", left)
	}
}

// TestToken: without the token everything but health and the page is 401.
func TestToken(t *testing.T) {
	h := start(t, nil)
	path := filepath.Join(t.TempDir(), "token")
	expect.NoError(t, os.WriteFile(path, []byte("0123456789abcdef\n"), 0o600))
	var err error
	note := func(format string, args ...any) { t.Errorf(format, args...) }
	h.token, err = readToken("token-file", path, note)
	expect.NoError(t, err)
	h.server.admin = h.token
	public, private := h.public(), h.private()
	ask := func(front http.Handler, path string, header ...string) int {
		r, err := http.NewRequest("GET", "http://example.org"+path, nil)
		expect.NoError(t, err)
		if header != nil {
			r.Header.Set("Authorization", header[0])
		}
		w := &discarded{header: http.Header{}}
		front.ServeHTTP(w, r)
		return w.status
	}
	for _, c := range []struct {
		front  http.Handler
		path   string
		header []string
		want   int
	}{
		{public, "/v1/models/cats", nil, 401},
		{public, "/v1/models/cats", []string{"Bearer 0123456789abcdee"}, 401},
		{public, "/v1/models/cats", []string{"Basic 0123456789abcdef"}, 401},
		{public, "/v1/models/cats", []string{"Bearer "}, 401},
		{public, "/v1/models/cats", []string{"bearer 0123456789abcdef"}, 200},
		{public, "/metrics", nil, 401},
		{public, "/healthz", nil, 200},
		{public, "/readyz", nil, 200},
		{public, "/", nil, 200},
		{private, "/v1/adapters", nil, 401},
		{private, "/v1/adapters", []string{"Bearer 0123456789abcdef"}, 200},
	} {
		if got := ask(c.front, c.path, c.header...); got != c.want {
			t.Errorf("%s with %q: %d, want %d", c.path, c.header, got, c.want)
		}
	}
	for text, want := range map[string]string{"short": "at least 16", "with spaces in its middle": "no spaces", "": "at least 16"} {
		expect.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := readToken("token-file", path, note)
		expect.Error(t, err, "--token-file "+path, want)
	}
	_, err = readToken("token-file", path+"x", note)
	expect.Error(t, err, "--token-file", path+"x")
}

// discarded is an answer of which only the status counts.
type discarded struct {
	header http.Header
	status int
}

func (d *discarded) Header() http.Header { return d.header }
func (d *discarded) WriteHeader(s int)   { d.status = s }
func (d *discarded) Write(p []byte) (int, error) {
	if d.status == 0 {
		d.status = 200
	}
	return len(p), nil
}

// TestCheck: what can't be served is wrong usage, with the flag and what to do.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/cats", "b/cats"} {
		expect.NoError(t, os.MkdirAll(filepath.Join(dir, name), 0o777))
		expect.NoError(t, os.WriteFile(filepath.Join(dir, name, "adapter.safetensors"), nil, 0o666))
	}
	for _, c := range []struct {
		change func(c *Config)
		want   string
	}{
		{func(c *Config) {}, ""},
		{func(c *Config) { c.Adapters = nil }, "nothing to serve"},
		{func(c *Config) { c.Adapters = []string{filepath.Join(dir, "a/cats"), filepath.Join(dir, "b/cats")} }, "two adapters have the name cats"},
		{func(c *Config) { c.Adapters = []string{"my cats.safetensors"} }, `"my cats" can't be the name of an adapter`},
		{func(c *Config) { c.Listen = "0.0.0.0:80" }, "--listen 0.0.0.0:80 can be reached from other machines: give --token-file, or say --insecure"},
		{func(c *Config) { c.Listen = ":80" }, "can be reached from other machines"},
		{func(c *Config) { c.Listen = "example.org:80" }, "can be reached from other machines"},
		{func(c *Config) { c.Listen = ":80"; c.Insecure = true }, ""},
		{func(c *Config) { c.Listen = ":80"; c.TokenFile = "t" }, ""},
		{func(c *Config) { c.Listen = "[::1]:80" }, ""},
		{func(c *Config) { c.Listen = "localhost:0" }, ""},
		{func(c *Config) { c.Listen = "127.0.0.1" }, "--listen 127.0.0.1 is no address"},
		{func(c *Config) { c.Listen = "127.0.0.1:http-alt" }, "has no port"},
		{func(c *Config) { c.Listen = "127.0.0.1:70000" }, "has no port"},
		{func(c *Config) { c.Listen = "" }, "--listen is empty"},
		{func(c *Config) { c.Admin = ":81"; c.Insecure = true }, "--admin :81 can be reached from other machines, where anyone could replace adapters"},
		{func(c *Config) { c.Admin = ":81"; c.AdminTokenFile = "t" }, ""},
		{func(c *Config) { c.AdminTokenFile = "t" }, "--admin-token-file without --admin"},
		{func(c *Config) { c.KeyFile = "k" }, "--tls-cert and --tls-key belong together"},
		{func(c *Config) { c.Window = -1 }, "--window -1ns is not possible"},
		{func(c *Config) { c.Queue = 3 }, "--max-images 64 is more than --queue 3"},
		{func(c *Config) { c.Batch = 0 }, "--batch 0 is not possible"},
		{func(c *Config) { c.MaxPixels = 1e9 }, "--max-pixels 1000000000 is not possible"},
	} {
		config := Default()
		config.Adapters = []string{"cats=x.safetensors"}
		c.change(&config)
		_, err := config.check()
		var usage *runner.UsageError
		switch {
		case c.want == "":
			expect.NoError(t, err)
		case !errors.As(err, &usage):
			t.Errorf("want a usage error with %q, not %v", c.want, err)
		default:
			expect.Error(t, err, c.want)
		}
	}
}

// TestPortInUse: the error names the address.
func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	expect.NoError(t, err)
	defer l.Close()
	c := Default()
	c.Listen, c.Adapters = l.Addr().String(), []string{"cats=x.safetensors"}
	err = Serve(t.Context(), c, runner.UI{})
	expect.Error(t, err, "--listen "+l.Addr().String(), "address already in use")
}

// TestStoppedWhileLoading: a server that is told to stop before it is ready ends as one that serves.
func TestStoppedWhileLoading(t *testing.T) {
	c := Default()
	c.Listen, c.Watch = "127.0.0.1:0", t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var log lines
	expect.NoError(t, Serve(ctx, c, runner.UI{Out: io.Discard, Err: &log}))
	if !strings.Contains(log.String(), "stopped before it was ready") {
		t.Errorf("log: %s", &log)
	}
}

// TestWatch: a watched folder is followed. A bad file, one that is still written and a folder that vanishes change nothing.
func TestWatch(t *testing.T) {
	h := start(t, nil)
	folder := filepath.Join(t.TempDir(), "adapters")
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(folder, name)
		expect.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		expect.NoError(t, os.WriteFile(path, []byte(text), 0o666))
		stamp := time.Now().Add(time.Duration(len(h.log.String())) * time.Second) // another one each time
		expect.NoError(t, os.Chtimes(path, stamp, stamp))
	}
	version := func(name string) int {
		if s := h.adapters.peek(name); s != nil {
			return s.version
		}
		return 0
	}
	put("dogs.safetensors", "500 2")
	put("birds/adapter.safetensors", "600 2")
	put("notes.txt", "500 2")
	put("cats.safetensors", "500 2") // a name of the command line
	w := newWatcher(folder, h.adapters, h.metrics, h.server.log)
	w.look(t.Context(), true)
	if version("dogs") != 1 || version("birds") != 1 || version("notes") != 0 || version("cats") != 1 || h.logit("birds", 1) != 601 {
		t.Errorf("adapters %v", h.send("GET", h.admin+"/v1/adapters", "", "").body)
	}
	if !strings.Contains(h.log.String(), "adapter cats of the watched folder: the name is taken by an adapter from the command line") {
		t.Errorf("log: %s", h.log)
	}
	put("dogs.safetensors", "700 2")
	w.look(t.Context(), false)
	if version("dogs") != 1 {
		t.Error("a file that may still be written was loaded")
	}
	w.look(t.Context(), false)
	if version("dogs") != 2 || h.logit("dogs", 1) != 701 {
		t.Errorf("version %d", version("dogs"))
	}
	put("dogs.safetensors", "rubbish")
	for range 4 {
		w.look(t.Context(), false)
	}
	if version("dogs") != 2 || h.logit("dogs", 1) != 701 || strings.Count(h.log.String(), "dogs.safetensors is no adapter") != 1 {
		t.Errorf("version %d, log %s", version("dogs"), h.log)
	}
	expect.NoError(t, os.Rename(folder, folder+".away"))
	for range 3 {
		w.look(t.Context(), false)
	}
	if h.logit("birds", 1) != 601 || strings.Count(h.log.String(), "the watched folder can't be read") != 1 {
		t.Errorf("log: %s", h.log)
	}
	expect.NoError(t, os.Rename(folder+".away", folder))
	expect.NoError(t, os.RemoveAll(filepath.Join(folder, "birds")))
	expect.NoError(t, os.Remove(filepath.Join(folder, "cats.safetensors")))
	w.look(t.Context(), false)
	if version("birds") != 0 || version("dogs") != 2 || version("cats") != 1 {
		t.Errorf("adapters %v", h.send("GET", h.admin+"/v1/adapters", "", "").body)
	}
	put("dogs/adapter.safetensors", "800 2")
	w.look(t.Context(), true)
	w.look(t.Context(), true)
	if strings.Count(h.log.String(), "two adapters of the watched folder: both have the name dogs") != 1 {
		t.Errorf("log: %s", h.log)
	}
	// The obstacles go: the second file gets the name of the first, and another one that of an adapter of the command line.
	put("cats.safetensors", "900 2")
	w.look(t.Context(), true)
	expect.NoError(t, os.Remove(filepath.Join(folder, "dogs.safetensors")))
	h.adapters.remove("cats", byAdmin)
	w.look(t.Context(), true)
	w.look(t.Context(), true)
	if h.logit("dogs", 1) != 801 || h.logit("cats", 1) != 901 {
		t.Errorf("adapters %v", h.send("GET", h.admin+"/v1/adapters", "", "").body)
	}
}

// TestWatchUnreadable: an adapter whose file can't be read or looked at goes on serving, and is removed once the file is gone.
func TestWatchUnreadable(t *testing.T) {
	h := start(t, nil)
	folder := t.TempDir()
	file, away := filepath.Join(folder, "dogs.safetensors"), filepath.Join(t.TempDir(), "dogs")
	expect.NoError(t, os.WriteFile(file, []byte("500 2"), 0o666))
	w := newWatcher(folder, h.adapters, h.metrics, h.server.log)
	w.look(t.Context(), true)
	looks := func(want float32, serves string) {
		t.Helper()
		for range 3 {
			w.look(t.Context(), false)
			if got := h.logit("dogs", 1); got != want {
				t.Fatalf("logit %v, want %v: %s", got, want, serves)
			}
		}
	}
	expect.NoError(t, os.Rename(file, away))
	expect.NoError(t, os.Symlink(file, file)) // a loop: Stat fails
	looks(501, "an entry that can't be looked at")
	if n := strings.Count(h.log.String(), "can't be looked at"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	expect.NoError(t, os.Remove(file))
	expect.NoError(t, os.WriteFile(file, []byte("700 2"), 0o666))
	h.engine.unreadable.Store(true)
	looks(501, "a new file that can't be read")
	h.engine.unreadable.Store(false)
	looks(701, "the file can be read again")
	expect.NoError(t, os.WriteFile(file, []byte("800 2 "), 0o666))
	h.engine.unreadable.Store(true)
	looks(701, "a new file that can't be read")
	stopped, stop := context.WithCancel(t.Context())
	stop()
	before := h.log.String()
	w.look(stopped, true)
	if after := h.log.String(); after != before {
		t.Errorf("a server that stops logged %s", strings.TrimPrefix(after, before))
	}
	expect.NoError(t, os.Remove(file))
	w.look(t.Context(), false)
	if s := h.adapters.peek("dogs"); s != nil {
		t.Error("the file is gone, and its adapter serves")
	}
	if n := len(w.names) + len(w.handled) + len(w.told) + len(w.fresh) + len(w.hidden); n != 0 {
		t.Errorf("the watcher keeps %d states of nothing", n)
	}
}

// TestDrain: running requests are answered after the server has begun to stop, and no others.
func TestDrain(t *testing.T) {
	h := gated(t, nil)
	running := h.askLater("cats", 1)
	eventually(t, "the engine computes", func() bool { return h.engine.begun.Load() == 1 })
	waiting := h.askLater("cats", 2)
	eventually(t, "an image waits", func() bool { return h.queue.length() == 1 })
	fronts, err := h.listen(nil) // other addresses of the same server, which drain closes
	expect.NoError(t, err)
	h.phase.Store(draining)
	h.send("GET", h.url+"/readyz", "", "").wants(t, 503, "the server is stopping")
	h.queue.close()
	later := <-h.askLater("cats", 3)
	later.wants(t, 503, "the server is stopping")
	h.engine.gate <- struct{}{}
	h.engine.gate <- struct{}{}
	for _, c := range []chan reply{running, waiting} {
		if a := <-c; a.status != 200 {
			t.Errorf("%+v", a)
		}
	}
	expect.NoError(t, h.drain(fronts))
}

// TestLog: a line has what an operator asks for, as JSON too.
func TestLog(t *testing.T) {
	h := start(t, nil)
	h.logit("cats", 1)
	eventually(t, "the request is logged", func() bool { return strings.Contains(h.log.String(), "msg=request") })
	for _, text := range []string{"level=INFO", "method=POST", "path=/v1/models/cats:predict", "status=200", "images=1", "adapters=1", "batch=1", "queued=", "compute=", "remote=127.0.0.1"} {
		if !strings.Contains(h.log.String(), text) {
			t.Errorf("the log lacks %s: %s", text, h.log)
		}
	}
	var b bytes.Buffer
	newLog(&b, true).LogAttrs(context.Background(), 0, "request")
	var line map[string]any
	expect.NoError(t, json.Unmarshal(b.Bytes(), &line))
}

// TestTLS: with a certificate the server speaks HTTPS, HTTP/2 too, and a certificate that can't be read is named.
func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	expect.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	expect.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	expect.NoError(t, err)
	dir := t.TempDir()
	c := Default()
	c.CertificateFile, c.KeyFile, c.Listen, c.Admin = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), "127.0.0.1:0", ""
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	expect.NoError(t, os.WriteFile(c.CertificateFile, chain, 0o600))
	_, err = c.certificate()
	expect.Error(t, err, "--tls-cert "+c.CertificateFile, c.KeyFile)
	expect.NoError(t, os.WriteFile(c.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	certificate, err := c.certificate()
	expect.NoError(t, err)

	h := start(t, nil)
	h.server.config = c
	fronts, err := h.listen(certificate)
	expect.NoError(t, err)
	go func() { _ = fronts[0].server.Serve(fronts[0].listener) }()
	defer fronts[0].server.Close()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(chain)
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	address := c.wholeAddress(fronts[0].listener)
	a, err := (&http.Client{Transport: transport}).Post(address+"/v1/predict", "image/png", bytes.NewReader(grey(3)))
	expect.NoError(t, err)
	defer a.Body.Close()
	if a.StatusCode != 200 || a.ProtoMajor != 2 || !strings.HasPrefix(address, "https://") {
		t.Errorf("%s: %s %s", address, a.Proto, a.Status)
	}
}
