package swin

import (
	"path/filepath"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
)

// TestSavedModel: a backbone exported as a SavedModel reads back bit for bit, and so does one written as .npz with its sidecar's
// image size.
func TestSavedModel(t *testing.T) {
	bb := load(t, filepath.Join("testdata", "timm.safetensors"), backbone.Options{Image: 56})
	dir := filepath.Join(t.TempDir(), "model")
	expect.NoError(t, bb.Export(dir, "", graph.FP32))
	read := load(t, dir, backbone.Options{})
	if read.Description != bb.Description || read.Fingerprint() != bb.Fingerprint() {
		t.Errorf("read %+v with fingerprint %.8s, want %+v with %.8s", read.Description, read.Fingerprint(), bb.Description, bb.Fingerprint())
	}
	npz := load(t, writeNPZ(t, bb.Weights), backbone.Options{Image: 56})
	if npz.Architecture != bb.Architecture || npz.Fingerprint() != bb.Fingerprint() {
		t.Errorf("read %+v from .npz, want %+v", npz.Architecture, bb.Architecture)
	}
	if s := bb.Sidecar(); s.Image != 56 {
		t.Errorf("the sidecar has image size %d, want 56", s.Image)
	}
	images := vectors(t, "expected.safetensors")["images"]
	_, want := run(t, bb, images, graph.FP32)
	if _, got := run(t, read, images, graph.FP32); off(got, want) != 0 {
		t.Error("the logits changed on the way through a SavedModel")
	}
}
