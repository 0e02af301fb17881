package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"dtl-tf/runner/result"
)

// maxUpload is the largest adapter that is uploaded, in bytes. A whole ViT-B in float32 has 343 MB.
const maxUpload = 1 << 30

// listed is an adapter in the list of GET /v1/adapters.
type listed struct {
	Adapter string `json:"adapter"`
	Version int    `json:"version"`
	Classes int    `json:"classes"`
	File    string `json:"file,omitempty"`
	Source  source `json:"source"`
}

func (s *served) listed() listed { return listed{s.name, s.version, s.Classes(), s.file, s.by} }

func (s *server) listAdapters(w http.ResponseWriter, _ *http.Request) error {
	list := []listed{}
	for _, a := range s.adapters.all() {
		list = append(list, a.listed())
	}
	writeJSON(w, http.StatusOK, map[string]any{"adapters": list})
	return nil
}

// changeAdapter answers POST and DELETE /v1/adapters/NAME.
func (s *server) changeAdapter(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	if err := checkName(name); err != nil {
		return failf(http.StatusBadRequest, "%w", err)
	}
	switch r.Method {
	case http.MethodPost:
		return s.postAdapter(w, r, name)
	case http.MethodDelete:
		if !s.adapters.remove(name, byAdmin) {
			return unknownAdapter(name)
		}
		s.metrics.changes.WithLabelValues("removed").Inc()
		writeJSON(w, http.StatusOK, map[string]string{"removed": name})
		return nil
	}
	return notAllowed(w, r, "POST, DELETE")
}

// postAdapter serves an adapter: the body itself, or with Content-Type application/json the file or run folder that it names.
func (s *server) postAdapter(w http.ResponseWriter, r *http.Request, name string) error {
	file, shown := "", ""
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "application/json" {
		raw, release, err := s.body(w, r)
		if err != nil {
			return err
		}
		defer release()
		var body struct {
			File string `json:"file"`
		}
		decoder := json.NewDecoder(strings.NewReader(string(raw)))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&body); err != nil || body.File == "" {
			return failf(http.StatusBadRequest, `want {"file": "PATH"}, the path of an adapter or run folder on the server`)
		}
		file = adapterFile(body.File)
		shown = file
	} else {
		temporary, err := upload(w, r)
		if temporary != "" {
			defer os.RemoveAll(filepath.Dir(temporary))
		}
		if err != nil {
			return err
		}
		file = temporary
	}
	existed := s.adapters.peek(name) != nil
	// A client that goes away does not stop the change halfway.
	a, err := s.adapters.put(context.WithoutCancel(r.Context()), name, file, shown, byAdmin)
	if err != nil {
		s.metrics.changes.WithLabelValues("refused").Inc()
		text := err.Error()
		if shown == "" {
			text = strings.ReplaceAll(text, file, "(uploaded)")
			if isJSON(file) {
				text += "; a request that names a file on the server has the header Content-Type: application/json"
			}
		}
		return failf(http.StatusBadRequest, "the adapter %s stays as it was: %s", name, text)
	}
	s.metrics.changes.WithLabelValues("loaded").Inc()
	status := http.StatusCreated
	if existed {
		status = http.StatusOK
	}
	writeJSON(w, status, a.listed())
	return nil
}

// isJSON reports whether a file begins as a JSON object. A .safetensors file begins with a length.
func isJSON(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	var b [1]byte
	_, err = io.ReadFull(f, b[:])
	return err == nil && b[0] == '{'
}

// upload writes the body into a file in a folder of its own.
func upload(w http.ResponseWriter, r *http.Request) (path string, err error) {
	if r.ContentLength > maxUpload {
		return "", failf(http.StatusRequestEntityTooLarge, "the adapter has %d bytes, more than the limit of %d: name a file on the server instead", r.ContentLength, maxUpload)
	}
	folder, err := os.MkdirTemp("", "dtl-tf-serve-")
	if err != nil {
		return "", fmt.Errorf("store the adapter: %w", err)
	}
	path = filepath.Join(folder, result.AdapterFile)
	f, err := os.Create(path)
	if err != nil {
		return path, fmt.Errorf("store the adapter: %w", err)
	}
	n, err := io.Copy(storing{f}, http.MaxBytesReader(w, r.Body, maxUpload))
	if closeErr := f.Close(); err == nil && closeErr != nil {
		err = storeError{closeErr}
	}
	var failed storeError
	switch {
	case errors.As(err, &failed):
		return path, fmt.Errorf("store the adapter: %w", failed.error)
	case err != nil:
		return path, bodyError(err)
	case n == 0:
		return path, failf(http.StatusBadRequest, "the body is empty: send an adapter.safetensors, or its path on the server as JSON")
	}
	received(w)
	return path, nil
}

// storeError is an error of the disk, and not of the client.
type storeError struct{ error }

type storing struct{ io.Writer }

func (s storing) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	if err != nil {
		err = storeError{err}
	}
	return n, err
}
