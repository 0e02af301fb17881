package adapter

import (
	"fmt"
	"os"
	"path/filepath"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/spell"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

// sameWeights checks that an adapter was trained on the weights of the backbone, if the adapter tells.
func sameWeights(a *result.Adapter, bb *backbone.Backbone) error {
	trained, ok := a.Meta[keyWeights]
	if !ok || trained == bb.Fingerprint() {
		return nil
	}
	return fmt.Errorf("adapter %s was trained on another backbone: its weights have the fingerprint %.12s, those of %s have %.12s%s%s",
		a.Path, trained, runner.DescribeBackbone(bb).Path, bb.Fingerprint(), headsMayDiffer(a, bb), rightBackbone(a, bb))
}

// rightBackbone ends a message about an adapter on a wrong backbone: which one the run beside the adapter has trained or was trained on, or
// that none was named.
func rightBackbone(a *result.Adapter, bb *backbone.Backbone) string {
	folder, known := filepath.Dir(a.Path), ""
	own := filepath.Join(folder, result.BackboneFile)
	if r, err := result.ReadRun(folder); err == nil && r.Backbone.SHA256 == a.Meta[result.KeyBackboneSHA256] {
		known = r.Backbone.Path
	}
	switch {
	case filepath.Base(a.Path) == result.AdapterFile && isFile(own) && !sameFile(own, bb.Path):
		return fmt.Sprintf("; the run has trained its own: give --backbone %s", spell.Shell(own))
	case known == runner.BuiltIn && bb.Path != runner.BuiltIn:
		return "; the run was trained on the built-in one: leave --backbone out"
	case known != "" && known != runner.BuiltIn && known != bb.Path:
		return fmt.Sprintf(": give --backbone %s, which %s beside the adapter names", spell.Shell(known), result.RunFile)
	case bb.Path == runner.BuiltIn:
		return ": give the one that it was trained on with --backbone"
	}
	return ""
}

// sameFile reports whether two paths are of one file.
func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	y, also := os.Stat(b)
	return err == nil && also == nil && os.SameFile(x, y)
}
