// Package hub gets models from a hub that speaks Hugging Face's protocol, into the cache that Python's huggingface_hub has too.
// The protocol and the layout of the cache are those of huggingface_hub 2.4 (file_download.py, hf_api.py).
package hub

import (
	"net/http"
	"path/filepath"
	"time"

	"dtl-tf/runner/report"
)

// Model is a model in the cache.
type Model struct {
	Repo     string   `json:"repo"`
	Revision string   `json:"revision"` // branch, tag or commit that was asked for
	Commit   string   `json:"commit"`
	Folder   string   `json:"folder"`  // the snapshot of the commit
	Weights  string   `json:"weights"` // in Folder: a .safetensors file, or the index of several
	Files    []string `json:"files"`   // in Folder, Weights first
}

// Path is what --backbone takes: the weights, beside which their config files lie.
func (m Model) Path() string { return filepath.Join(m.Folder, filepath.FromSlash(m.Weights)) }

// Hub gets models. Make one with New.
type Hub struct {
	Settings
	Note     func(format string, args ...any) // prints a line
	Progress *report.Progress                 // of downloads

	transport http.RoundTripper
	clock     clock
	tries     int           // of a request in a row, without progress
	stall     time.Duration // the longest silence of a server within a body
	disk      disk
}

// New returns a Hub with these settings.
func New(s Settings, note func(format string, args ...any), progress *report.Progress) *Hub {
	return &Hub{Settings: s, Note: note, Progress: progress, transport: newTransport(), clock: wallClock{}, tries: maxTries, stall: stallTimeout, disk: systemDisk{}}
}
