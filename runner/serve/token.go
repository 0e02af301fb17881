package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"dtl-tf/graph/limit"
	"dtl-tf/runner"
)

// shortestToken is the least number of characters of a token: 16 hexadecimal digits have 64 bits.
const shortestToken = 16

// token protects an address. nil lets everybody in.
type token struct{ sum [sha256.Size]byte }

// readToken reads a bearer token from a file, nil without one.
func readToken(flag, file string, note runner.NoteFunc) (*token, error) {
	if file == "" {
		return nil, nil
	}
	raw, err := limit.ReadFile(file, 4096)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	text := strings.TrimSpace(string(raw))
	if len(text) < shortestToken || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fmt.Errorf("--%s %s: a token has at least %d printable ASCII characters and no spaces: make one with openssl rand -hex 32",
			flag, file, shortestToken)
	}
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o004 != 0 {
		note("every user of this machine can read the token in %s: chmod 600 it", file)
	}
	return &token{sha256.Sum256([]byte(text))}, nil
}

// allows tells whether a request carries the token.
func (t *token) allows(r *http.Request) bool {
	if t == nil {
		return true
	}
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(strings.TrimSpace(given)))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(sum[:], t.sum[:]) == 1
}

// protect answers 401 to requests without the token.
func (t *token) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !t.allows(r) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="dtl-tf"`)
			writeError(w, failf(http.StatusUnauthorized, "this server wants a token: send the header Authorization: Bearer TOKEN"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// localOnly refuses what a web page in a browser on this machine could send to an address without a token: pages of other sites
// send Origin, and a name that was made to lead to 127.0.0.1 stands in Host.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !loopback(strings.Trim(host, "[]")) || r.Header.Get("Origin") != "" {
			writeError(w, failf(http.StatusForbidden, "without a token, the admin address answers programs on this machine only, not browsers"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// certificate reads the certificate of the server, nil without one.
func (c *Config) certificate() (*tls.Config, error) {
	if c.CertificateFile == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.CertificateFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert %s with --tls-key %s: %w", c.CertificateFile, c.KeyFile, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}, nil
}
