package compare

import (
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/graph/backbone"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/stat"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/result"
)

// Own is the accuracy of the user's own runs with a method.
type Own struct {
	// Top1 is in percent: the mean of the three groups' means, like quoted accuracies, if there are runs on exactly the 19 tasks
	// of VTAB-1k, and else the mean over the data sets. Several runs on a data set (seeds) count as their mean.
	Top1     float64  `json:"top1"`
	DataSets []string `json:"data_sets"`
	Runs     int      `json:"runs"`
	VTAB     bool     `json:"vtab_mean_of_groups"` // Top1 is the mean of the groups' means
}

// ownRuns reads every run.json below a folder. It returns the accuracies by method, and notes on runs that it left out: unreadable or
// unfinished ones, those on another backbone, those of a search, whose accuracy is of validation images, and those of 'vtab run --recipe
// one', which are no repetitions of the others.
func ownRuns(folder string, s Settings) (own map[string]Own, notes []string) {
	top1 := map[string]map[string][]float64{} // by method and data set
	others, searched, ones := 0, 0, 0
	_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		var r result.Run
		if err == nil {
			if entry.IsDir() || entry.Name() != result.RunFile {
				return nil
			}
			r, err = result.ReadRun(path)
		}
		switch {
		case err != nil:
			notes = append(notes, fmt.Sprintf("left out: %v", err))
		case r.Status != result.Finished:
			notes = append(notes, fmt.Sprintf("left out: %s: the run is not finished (%s)", path, r.Status))
		case r.Accuracy == nil:
			notes = append(notes, fmt.Sprintf("left out: %s: the run has no top-1 accuracy", path))
		case r.Accuracy.Split == data.Val:
			searched++
		case slices.Contains(strings.Split(filepath.ToSlash(path), "/"), suite.OneFolder):
			ones++
		case !s.sameBackbone(r.Backbone):
			others++
		default:
			if top1[r.Method] == nil {
				top1[r.Method] = map[string][]float64{}
			}
			top1[r.Method][r.Data.Name] = append(top1[r.Method][r.Data.Name], r.Accuracy.Top1)
		}
		return nil
	})
	if others > 0 {
		notes = append(notes, fmt.Sprintf("left out: of the runs in %s, %d on another backbone than %s", folder, others, s.Backbone))
	}
	if searched > 0 {
		notes = append(notes, fmt.Sprintf("left out: of the runs in %s, %d whose accuracy is of the split %s, as those of a search are", folder, searched, data.Val))
	}
	if ones > 0 {
		notes = append(notes, fmt.Sprintf("left out: of the runs in %s, %d with one recipe for all tasks (dtl-tf vtab table prints them)", folder, ones))
	}
	own = map[string]Own{}
	for method, sets := range top1 {
		o := Own{DataSets: slices.Sorted(maps.Keys(sets))}
		means := map[string]float64{}
		for name, list := range sets {
			means[name] = stat.Mean(list)
			o.Runs += len(list)
		}
		o.Top1 = stat.Mean(slices.Sorted(maps.Values(means))) // the order of a map would change the last digit
		if groups, ok := suite.MeanOfGroups(means); ok && len(means) == len(suite.Folders()) {
			o.Top1, o.VTAB = groups, true
		}
		own[method] = o
	}
	return own, notes
}

// sameBackbone reports whether a run used the table's backbone: the same file, or for random weights the same architecture at any
// image size.
func (s Settings) sameBackbone(b result.Backbone) bool {
	if s.SHA256 != "" {
		return b.SHA256 == s.SHA256
	}
	return withoutImage(b.Architecture) == withoutImage(s.Architecture)
}

// withoutImage removes the family and the image size from a description like "vit:image=224,patch=16,...".
func withoutImage(architecture string) string {
	_, sizes, _ := strings.Cut(architecture, ":")
	return strings.Join(slices.DeleteFunc(strings.Split(sizes, ","), func(size string) bool { return strings.HasPrefix(size, "image=") }), ",")
}

// quotedBackbone is the architecture that the numbers in package published were measured with.
const quotedBackbone = "vit_b16"

// asQuoted reports whether the table's architecture and image size are those of the published numbers. Beside measurements of
// another backbone they would mislead.
func (s Settings) asQuoted() bool {
	a, err := backbone.Parse(quotedBackbone)
	return err == nil && s.Architecture == a.String()
}
