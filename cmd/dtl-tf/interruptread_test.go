package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// TestInterruptedRead: Ctrl-C while a command reads its backbone stops it with the exit code for interruptions.
func TestInterruptedRead(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	out := filepath.Join(t.TempDir(), "out")
	for _, args := range [][]string{
		{"backbone", "inspect", fixture.backbone}, {"backbone", "export", fixture.backbone, "--out", out},
		{"predict", "--backbone", fixture.backbone, fixture.data}, {"eval", "--backbone", fixture.backbone, "--data", fixture.data},
		tune(out),
	} {
		var stdout, stderr bytes.Buffer
		if code := run(ctx, args, &stdout, &stderr); code != exitInterrupted || stdout.Len() > 0 {
			t.Errorf("%s: exit code %d, want %d: %s%s", args[0], code, exitInterrupted, stdout.String(), stderr.String())
		}
		if args[0] == "fine-tune" && !strings.Contains(stderr.String(), "interrupted before the first step") {
			t.Errorf("fine-tune says %q", stderr.String())
		}
	}
}
