package hub

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/hub/hubtest"
)

// TestNetwork: failures of the network, which a user meets most, have a message each.
func TestNetwork(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	expect.NoError(t, err)
	nobody := "http://" + closed.Addr().String()
	expect.NoError(t, closed.Close())
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for _, c := range []struct {
		name, endpoint string
		want           []string
		waits          int
	}{
		{"refused", nobody, []string{"there is no connection to 127.0.0.1:", "connection refused", "HTTPS_PROXY", "tried 5 times"}, 4},
		{"certificate", secure.URL, []string{"the certificate of 127.0.0.1:", "is not trusted", "SSL_CERT_FILE"}, 0},
		{"no TLS", strings.Replace(plain.URL, "http:", "https:", 1), []string{"no encrypted connection to 127.0.0.1:", "HF_ENDPOINT"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newClient(t, model(1000))
			t.Setenv("HF_ENDPOINT", c.endpoint)
			h.renew(t)
			_, err := h.fetch(t)
			expect.Error(t, err, append(c.want, "asking 127.0.0.1:", "for timm/tiny@main")...)
			if len(h.clock.slept) != c.waits {
				t.Errorf("it waited %v", h.clock.slept)
			}
			if strings.Contains(err.Error(), "/api/models") {
				t.Errorf("%v shows the address", err)
			}
		})
	}
}

// TestNoHost: without a network, names are not found. No request leaves this machine.
func TestNoHost(t *testing.T) {
	h := newClient(t, model(1000))
	h.transport = failing{&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "hub.example", IsNotFound: true}}}
	_, err := h.fetch(t)
	expect.Error(t, err, "there is no network, or no host 127.0.0.1:", "no such host", "HF_ENDPOINT names another hub, HTTPS_PROXY a proxy")
	if len(h.clock.slept) != 0 {
		t.Errorf("it waited %v", h.clock.slept)
	}
	h.transport = failing{&net.DNSError{Err: "temporary failure in name resolution", Name: "hub.example", IsTemporary: true}}
	_, err = h.fetch(t)
	expect.Error(t, err, "there is no network, or no host", "tried 5 times")
	h.transport = failing{&net.OpError{Op: "read", Err: timeout{}}}
	_, err = h.fetch(t)
	expect.Error(t, err, "does not answer", "i/o timeout", "tried 5 times")
}

// failing is a network on which each request fails.
type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

type timeout struct{}

func (timeout) Error() string { return "i/o timeout" }
func (timeout) Timeout() bool { return true }

// TestDowngrade: a redirect from https to http is refused, because the content of config files could then be anyone's.
func TestDowngrade(t *testing.T) {
	h := newClient(t, model(1000))
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, h.server.URL+r.URL.String(), http.StatusFound)
	}))
	defer secure.Close()
	h.transport = secure.Client().Transport
	var err error
	h.Endpoint, err = url.Parse(secure.URL)
	expect.NoError(t, err)
	_, err = h.fetch(t)
	expect.Error(t, err, "not encrypted")
	if len(h.server.Requests()) != 0 {
		t.Error("the redirect was followed")
	}
	for _, location := range []string{"file:///etc/passwd", "ftp://127.0.0.1/x", "http://", ":"} {
		h := newClient(t, model(1000))
		h.server.Instead = func(w http.ResponseWriter, _ *http.Request, _ bool) bool {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
			return true
		}
		_, err := h.fetch(t)
		expect.Error(t, err, "redirects to an address that is none")
		var again *transient
		if errors.As(err, &again) {
			t.Errorf("%s is tried again", location)
		}
	}
}

// TestProxy: requests go through the proxy that the environment names.
func TestProxy(t *testing.T) {
	proxy := hubtest.New(t)
	proxy.Models[repo] = model(1000)
	proxy.Requests()                                               // the other process sees the model
	child := exec.Command(os.Args[0], "-test.run=^TestProcesses$") // Go reads the variables once in a process
	child.Env = append(os.Environ(), fetchVariable+"=1", "HF_HOME="+t.TempDir(), "HF_ENDPOINT=http://hub.invalid", "HTTP_PROXY="+proxy.URL, "NO_PROXY=127.0.0.1")
	out, err := child.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if list := proxy.Requests(); len(list) < 3 {
		t.Errorf("the proxy was asked for %v", list)
	}
}
