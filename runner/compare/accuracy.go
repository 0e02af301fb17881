package compare

import (
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/runner/internal/stat"

	"dtl-tf/graph/backbone"
	"dtl-tf/runner/result"
	"dtl-tf/runner/suite"
)

// Own is the accuracy of one's own runs with a method.
type Own struct {
	// Top1 is in percent: where all 19 tasks of VTAB-1k are there, the mean of the three groups' means, as it is
	// quoted; else the mean over the data sets. Several runs on one data set (seeds) count as their mean.
	Top1     float64  `json:"top1"`
	DataSets []string `json:"data_sets"`
	Runs     int      `json:"runs"`
	VTAB     bool     `json:"vtab_mean_of_groups"` // Top1 is the mean of the groups' means
}

// ownRuns reads every run.json below a folder. Runs on another network than the table's are left out. notes say what
// was left out and why, and name files that can't be read.
func ownRuns(folder string, s Settings) (own map[string]Own, notes []string, err error) {
	top1 := map[string]map[string][]float64{} // by method and data set
	others := 0
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			notes = append(notes, fmt.Sprintf("left out: %v", err))
			return nil
		}
		if entry.IsDir() || entry.Name() != result.RunFile {
			return nil
		}
		r, err := result.ReadRun(path)
		switch {
		case err != nil:
			notes = append(notes, fmt.Sprintf("left out: %v", err))
		case r.Status != result.Finished || r.Accuracy == nil:
			notes = append(notes, fmt.Sprintf("left out: %s: the run is not finished (%s)", path, r.Status))
		case !s.sameNetwork(r.Backbone):
			others++
		default:
			if top1[r.Method] == nil {
				top1[r.Method] = map[string][]float64{}
			}
			top1[r.Method][r.Data.Name] = append(top1[r.Method][r.Data.Name], r.Accuracy.Top1)
		}
		return nil
	})
	if err != nil {
		return nil, notes, fmt.Errorf("--results %s: %w", folder, err)
	}
	if others > 0 {
		notes = append(notes, fmt.Sprintf("left out: of the runs in %s, %d on another backbone than %s", folder, others, s.Backbone))
	}
	own = map[string]Own{}
	for method, sets := range top1 {
		o := Own{DataSets: slices.Sorted(maps.Keys(sets))}
		means := map[string]float64{}
		for name, list := range sets {
			means[name] = stat.Mean(list)
			o.Runs += len(list)
		}
		o.Top1 = stat.Mean(slices.Collect(maps.Values(means)))
		if groups, ok := suite.MeanOfGroups(means); ok && len(means) == len(suite.Folders()) {
			o.Top1, o.VTAB = groups, true
		}
		own[method] = o
	}
	return own, notes, nil
}

// sameNetwork tells whether a run was made with the table's backbone: its file where the table has one, else
// its architecture, whatever the image size.
func (s Settings) sameNetwork(b result.Backbone) bool {
	if s.SHA256 != "" {
		return b.SHA256 == s.SHA256
	}
	return network(b.Architecture) == network(s.Architecture)
}

// quotedBackbone is what the numbers in package published were made with.
const quotedBackbone = "vit_b16"

// asQuoted tells whether the table's network and image size are those of the published numbers. Beside measurements of another
// network they would mislead.
func (s Settings) asQuoted() bool {
	a, err := backbone.Parse(quotedBackbone)
	return err == nil && s.Architecture == a.String()
}

// network is a description like "vit:image=224,patch=16,..." without the image size.
func network(architecture string) string {
	_, sizes, _ := strings.Cut(architecture, ":")
	var kept []string
	for part := range strings.SplitSeq(sizes, ",") {
		if !strings.HasPrefix(part, "image=") {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ",")
}
