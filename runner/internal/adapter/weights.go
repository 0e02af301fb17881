package adapter

import (
	"fmt"
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

// rightBackbone ends a message about an adapter on a wrong backbone: that none was named, and which one run.json beside the adapter
// names.
func rightBackbone(a *result.Adapter, bb *backbone.Backbone) string {
	var known string
	if r, err := result.ReadRun(filepath.Join(filepath.Dir(a.Path), result.RunFile)); err == nil && r.Backbone.SHA256 == a.Meta[result.KeyBackboneSHA256] {
		known = r.Backbone.Path
	}
	switch {
	case known != "" && known != runner.BuiltIn && known != bb.Path:
		return fmt.Sprintf(": give --backbone %s, which %s beside the adapter names", spell.Shell(known), result.RunFile)
	case bb.Path == runner.BuiltIn:
		return ": give the one that it was trained on with --backbone"
	}
	return ""
}
