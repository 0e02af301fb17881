package hub

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"dtl-tf/graph/spell"
)

// explain says what a failure of the network means. host is that of the server.
func explain(host string, err error) error {
	var (
		dns      *net.DNSError
		unknown  x509.UnknownAuthorityError
		name     x509.HostnameError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
		record   tls.RecordHeaderError
		alert    tls.AlertError
		deadline interface{ Timeout() bool }
	)
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &dns):
		err = fmt.Errorf("there is no network, or no host %s: %w (HF_ENDPOINT names another hub, HTTPS_PROXY a proxy)", host, err)
		if dns.IsTemporary || dns.IsTimeout {
			return &transient{error: err}
		}
		return err
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid), errors.As(err, &verify):
		return fmt.Errorf("the certificate of %s is not trusted: %w (behind a proxy that decrypts, SSL_CERT_FILE names its certificate)", host, err)
	case errors.As(err, &record), errors.As(err, &alert), errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("no encrypted connection to %s: %w (is HF_ENDPOINT or HTTPS_PROXY wrong?)", host, err)
	case errors.Is(err, errStalled), errors.As(err, &deadline) && deadline.Timeout():
		return &transient{error: fmt.Errorf("%s does not answer: %w", host, err)}
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return &transient{error: fmt.Errorf("there is no connection to %s: %w (check the network, HF_ENDPOINT and HTTPS_PROXY)", host, err)}
	}
	return &transient{error: fmt.Errorf("the connection to %s broke: %w", host, err)}
}

// The values of the header field X-Error-Code.
const (
	codeRepo     = "RepoNotFound"
	codeRevision = "RevisionNotFound"
	codeEntry    = "EntryNotFound"
	codeGated    = "GatedRepo"
)

// refusal returns the error for an answer other than success. file is the file that was asked for, "" for the model. It closes
// the body.
func (h *Hub) refusal(ref Reference, file string, r *http.Response) error {
	r.Body.Close()
	code := r.Header.Get("X-Error-Code")
	switch status := r.StatusCode; {
	case status == http.StatusTooManyRequests:
		return &transient{error: fmt.Errorf("the hub answers %d, too many requests: wait, or set HF_TOKEN, which allows more", status), wait: h.retryAfter(r)}
	case status >= 500:
		return &transient{error: fmt.Errorf("the hub answers %d, a failure of its own: try again later", status), wait: h.retryAfter(r)}
	case code == codeGated && h.Token == "":
		return fmt.Errorf("%s is gated: accept its conditions at %s, and set HF_TOKEN or write a token to %s", ref.Repo, h.page(ref), h.TokenBy)
	case code == codeGated:
		return fmt.Errorf("%s is gated, and the token of %s is not of an account with access: accept its conditions at %s", ref.Repo, h.TokenBy, h.page(ref))
	case code == codeEntry, status == http.StatusNotFound && code == "" && file != "":
		return fmt.Errorf("%s has no file %s", ref, spell.Line(file))
	case code == codeRevision:
		return fmt.Errorf("%s has no branch, tag or commit %q", ref.Repo, ref.Revision)
	case status == http.StatusUnauthorized && h.Token == "":
		return fmt.Errorf("the hub shows no model %s without a token: check the name; if it is private, set HF_TOKEN or write a token to %s", ref.Repo, h.TokenBy)
	case status == http.StatusUnauthorized:
		return fmt.Errorf("the hub refuses the token of %s for %s: check the model's name; the token may have expired or been revoked", h.TokenBy, ref.Repo)
	case status == http.StatusForbidden:
		return fmt.Errorf("the hub forbids access to %s (%d): the token's account lacks the right to read it%s", ref.Repo, status, h.says(r))
	case code == codeRepo, status == http.StatusNotFound:
		return fmt.Errorf("the hub has no model %s: check the name at %s", ref, h.page(ref))
	}
	return fmt.Errorf("the hub answers %d to a request for %s%s: check HF_ENDPOINT", r.StatusCode, ref, h.says(r))
}

// page is the address of a model for people.
func (h *Hub) page(ref Reference) string { return h.Endpoint.String() + "/" + ref.Repo }

// maxSays limits what is shown of a server's own words.
const maxSays = 200

// says is the server's own reason, without what a terminal could interpret.
func (h *Hub) says(r *http.Response) string {
	text := r.Header.Get("X-Error-Message")
	if text == "" {
		return ""
	}
	if h.Token != "" {
		text = strings.ReplaceAll(text, string(h.Token), "...")
	}
	return fmt.Sprintf(", and says %.*q", maxSays, text)
}

// retryAfter is the time that the header field Retry-After asks to wait, 0 if it asks for none.
func (h *Hub) retryAfter(r *http.Response) time.Duration {
	text := r.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(h.clock.Now()))
	}
	return 0
}
