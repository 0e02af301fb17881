package hub

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A server that sends nothing for one of these times is given up. The whole transfer may take as long as it takes.
const (
	connectTimeout = 20 * time.Second
	headerTimeout  = 30 * time.Second
	stallTimeout   = 30 * time.Second // within a body
)

// maxRedirects is what browsers follow, roughly.
const maxRedirects = 10

// newTransport returns a transport that uses the proxies of the environment. An http.Client around it would follow redirects by
// its own rules.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: headerTimeout,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true, // sizes and checksums are of the plain bytes
	}
}

// address is the URL of a path of the hub. The path is already escaped.
func (h *Hub) address(path string) (*url.URL, error) {
	return url.Parse(h.Endpoint.String() + path)
}

// escape escapes each element of a name for a URL.
func escape(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// own reports whether an address is of the hub itself. Only there the token is sent.
func (h *Hub) own(u *url.URL) bool {
	return strings.EqualFold(u.Scheme, h.Endpoint.Scheme) && strings.EqualFold(u.Host, h.Endpoint.Host)
}

// call is a request.
type call struct {
	method string
	url    *url.URL
	// header, unless nil, adds the header fields for an address, to which a redirect may have led.
	header func(u *url.URL, h http.Header)
	// enough, unless nil, reports whether a redirect is already the answer.
	enough func(r *http.Response) bool
}

// send sends a request and follows redirects. The errors do not show the addresses, whose queries may be signatures. A *transient
// may succeed later. Closing the body ends the request; reading it fails when the server has been silent for too long.
func (h *Hub) send(ctx context.Context, c call) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	u := c.url
	for range maxRedirects {
		request, err := http.NewRequestWithContext(ctx, c.method, u.String(), nil)
		if err != nil {
			cancel(nil)
			return nil, errors.New("the hub redirects to an address that is none")
		}
		request.Header.Set("User-Agent", "dtl-tf")
		request.Header.Set("Accept-Encoding", "identity")
		if h.Token != "" && h.own(u) {
			request.Header.Set("Authorization", "Bearer "+string(h.Token))
		}
		if c.header != nil {
			c.header(u, request.Header)
		}
		r, err := h.transport.RoundTrip(request)
		if err != nil {
			cancel(nil)
			return nil, explain(u.Host, err)
		}
		body := &patient{body: r.Body, ctx: ctx, cancel: cancel, limit: h.stall, timer: time.AfterFunc(h.stall, func() { cancel(errStalled) }), host: u.Host}
		body.timer.Stop() // until something is read
		r.Body = body
		location := r.Header.Get("Location")
		redirect := r.StatusCode >= 300 && r.StatusCode < 400 && location != ""
		if !redirect || c.enough != nil && c.enough(r) {
			return r, nil
		}
		next, err := u.Parse(location)
		if err != nil || next.Scheme != "http" && next.Scheme != "https" || next.Host == "" || u.Scheme == "https" && next.Scheme == "http" {
			body.Close()
			return nil, errors.New("the hub redirects to an address that is none, or that is not encrypted")
		}
		body.body.Close() // not the request, which continues at another address
		u = next
	}
	cancel(nil)
	return nil, errors.New("the hub redirects in a circle: check HF_ENDPOINT")
}

var errStalled = errors.New("the server has stopped sending")

// patient is a body that is given up after a silence.
type patient struct {
	body   io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	limit  time.Duration
	host   string
}

// Read implements io.Reader. Its errors but io.EOF are explained.
func (p *patient) Read(b []byte) (int, error) {
	p.timer.Reset(p.limit)
	n, err := p.body.Read(b)
	p.timer.Stop() // writing to a slow disk is not the server's silence
	if err != nil && err != io.EOF {
		if cause := context.Cause(p.ctx); errors.Is(cause, errStalled) {
			err = cause
		}
		err = explain(p.host, err)
	}
	return n, err
}

// Close ends the request.
func (p *patient) Close() error {
	p.cancel(nil)
	return p.body.Close()
}
