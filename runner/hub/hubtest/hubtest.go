// Package hubtest is a model hub for tests: two servers, one that knows the models and one that stores their large files, with the
// protocol that huggingface_hub 2.4 expects.
package hubtest

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Hub is a hub with one model at a time of each name. Call Requests after a change of its fields that a request from another process
// is to see.
type Hub struct {
	URL     string // of the server that knows the models, for HF_ENDPOINT
	Storage string // of the one that stores large files
	Models  map[string]*Model

	// Instead, unless nil, may answer a request; it then returns true. stored tells that it is one to Storage.
	Instead func(w http.ResponseWriter, r *http.Request, stored bool) bool

	mu       sync.Mutex
	requests []Request
}

// Model is a repository at one commit.
type Model struct {
	Commit string // 40 hexadecimal digits
	Files  map[string]*File
	Gated  bool   // everyone may see the list of files, but the files need Token
	Token  string // "" for a public model

	NoSizes bool // the list of files has no sizes
}

// File is a file of a model, and what is wrong with it.
type File struct {
	Content []byte
	Large   bool // it is in Storage

	DeclaredETag string // in place of the right one
	DeclaredSize string // in place of the right one, of a large file
	NoRanges     bool   // each answer has the whole file
	// CutAfter, unless 0, is the number of bytes after which the connection breaks.
	CutAfter int
	// LeftOut keeps the file out of the list.
	LeftOut bool
}

// Request is what a server was asked.
type Request struct {
	Stored bool // of Storage
	Method string
	Path   string
	Header http.Header
}

// New starts a hub, which ends with the test.
func New(t testing.TB) *Hub {
	t.Helper()
	h := &Hub{Models: map[string]*Model{}}
	serve := func(handler http.HandlerFunc, stored bool) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.mu.Lock()
			h.requests = append(h.requests, Request{stored, r.Method, r.URL.Path, r.Header.Clone()})
			h.mu.Unlock()
			if h.Instead == nil || !h.Instead(w, r, stored) {
				handler(w, r)
			}
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	h.URL, h.Storage = serve(h.hub, false), serve(h.storage, true)
	return h
}

// Environment points the process to the hub and to a new cache, whose path it returns.
func (h *Hub) Environment(t testing.TB) (cache string) {
	t.Helper()
	home := t.TempDir()
	for name, value := range map[string]string{
		"HF_ENDPOINT": h.URL, "HF_HOME": home, "HF_TOKEN": "", "HF_TOKEN_PATH": "", "HF_HUB_OFFLINE": "", "TRANSFORMERS_OFFLINE": "", "HF_HUB_CACHE": "",
		"HUGGINGFACE_HUB_CACHE": "", "HTTP_PROXY": "", "HTTPS_PROXY": "", "http_proxy": "", "https_proxy": "",
	} {
		t.Setenv(name, value)
	}
	return home + "/hub"
}

// Requests returns what the servers were asked so far, and forgets it.
func (h *Hub) Requests() []Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.requests
	h.requests = nil
	return list
}

// ETag is the checksum by which a hub names a content: the SHA-256 of a large file, Git's SHA-1 of another.
func (f *File) ETag() string {
	switch {
	case f.DeclaredETag != "":
		return f.DeclaredETag
	case f.Large:
		sum := sha256.Sum256(f.Content)
		return hex.EncodeToString(sum[:])
	}
	sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(f.Content)), f.Content...))
	return hex.EncodeToString(sum[:])
}

func (h *Hub) hub(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, code string) {
		w.Header().Set("X-Error-Code", code)
		w.WriteHeader(status)
	}
	path, api := strings.CutPrefix(r.URL.Path, "/api/models/")
	path = strings.TrimPrefix(path, "/")
	mark := map[bool]string{true: "/revision/", false: "/resolve/"}[api]
	repo, rest, ok := strings.Cut(path, mark)
	m := h.Models[repo]
	if !ok || m == nil {
		refuse(http.StatusNotFound, "RepoNotFound")
		return
	}
	if m.Token != "" && !(m.Gated && api) && r.Header.Get("Authorization") != "Bearer "+m.Token {
		switch {
		case m.Gated && r.Header.Get("Authorization") != "":
			refuse(http.StatusForbidden, "GatedRepo")
		case m.Gated:
			refuse(http.StatusUnauthorized, "GatedRepo")
		default:
			refuse(http.StatusUnauthorized, "RepoNotFound")
		}
		return
	}
	revision, name, _ := strings.Cut(rest, "/")
	if api {
		revision = rest
	}
	if revision != "main" && revision != m.Commit {
		refuse(http.StatusNotFound, "RevisionNotFound")
		return
	}
	w.Header().Set("X-Repo-Commit", m.Commit)
	if api {
		m.list(w)
		return
	}
	f := m.Files[name]
	if f == nil {
		refuse(http.StatusNotFound, "EntryNotFound")
		return
	}
	if !f.Large {
		w.Header().Set("ETag", `"`+f.ETag()+`"`)
		f.serve(w, r)
		return
	}
	size := f.DeclaredSize
	if size == "" {
		size = strconv.Itoa(len(f.Content))
	}
	w.Header().Set("X-Linked-Etag", `"`+f.ETag()+`"`)
	w.Header().Set("X-Linked-Size", size)
	http.Redirect(w, r, h.Storage+"/"+repo+"/"+name+"?signature=confidential", http.StatusFound)
}

func (m *Model) list(w http.ResponseWriter) {
	type sibling struct {
		Name string `json:"rfilename"`
		Size *int   `json:"size,omitempty"`
	}
	var list []sibling
	for name, f := range m.Files {
		if !f.LeftOut {
			size := len(f.Content)
			list = append(list, sibling{name, &size})
			if m.NoSizes {
				list[len(list)-1].Size = nil
			}
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"sha": m.Commit, "siblings": list})
}

func (h *Hub) storage(w http.ResponseWriter, r *http.Request) {
	parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 3)
	f := (*File)(nil)
	if m := h.Models[strings.Join(parts[:min(2, len(parts))], "/")]; m != nil && len(parts) == 3 {
		f = m.Files[parts[2]]
	}
	if f == nil || r.URL.Query().Get("signature") != "confidential" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	w.Header().Set("ETag", `"stored-`+f.ETag()[:8]+`"`) // storage has its own ETags
	f.serve(w, r)
}

func (f *File) serve(w http.ResponseWriter, r *http.Request) {
	if f.NoRanges {
		r.Header.Del("Range")
	}
	if f.CutAfter > 0 && r.Method == http.MethodGet {
		w = &cut{w, f.CutAfter}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.Content))
}

// cut breaks the connection after a number of bytes.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	_, _ = c.ResponseWriter.Write(p[:n])
	if c.left -= n; c.left == 0 {
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, nil
}
