// Package origin tells whether a data set has the images of VTAB-1k, by the record that data prepare leaves beside the lists, or by the
// lists themselves. It knows the fingerprints of the official lists. Of the official pixels it knows none: pixels are official if data
// prepare took them from files with the published checksums.
package origin

import (
	"cmp"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/spell"
	"dtl-tf/runner/internal/suite"
)

// File is the name of the record.
const File = "prepare.json"

// Unofficial is how a remark begins that says why the images are not those of VTAB-1k.
const Unofficial = "not VTAB-1k's images: "

// What [Of] says about a data set. All but Official are followed by a colon and the reasons.
const (
	Official    = "official lists and pixels"
	OtherPixels = "official lists, other pixels"
	Unverified  = "official lists, unverified pixels"
	NotOfficial = "not official"
	Unknown     = "unknown"
)

// Short returns one or two words for a table.
func Short(word string) string {
	head, _, _ := strings.Cut(word, ":")
	switch head {
	case Official:
		return "official"
	case OtherPixels:
		return "other pixels"
	case Unverified:
		return "unverified"
	}
	return head
}

// drawn is the task whose images TFDS drew from names in the order of a file system.
const (
	drawn       = "caltech101"
	drawnDiffer = "TFDS drew its images in the order of a file system, so copies differ"
)

// record is the part of the record of data prepare that matters here.
type record struct {
	Task        string
	Official    bool
	Pixels      string
	Remarks     []string
	Sources     []struct{ Name, Published string }
	Keys        map[string]string `json:"keys_sha256"`
	Fingerprint string            `json:"data_fingerprint"`
	Training    string            `json:"training_fingerprint"`
}

// Of returns one of the words above with the reasons, for a folder that is to be a task of VTAB-1k; with the task "" it is
// that of the folder's name or of the record. It returns "" for other data sets. fingerprint is that of the images
// that are used, as they are now.
func Of(folder, task, fingerprint string) string {
	r, made := read(folder)
	if task == "" {
		task = cmp.Or(taskOf(folder), r.Task)
	}
	all := suite.Tasks()
	i := slices.IndexFunc(all, func(t suite.Task) bool { return t.Folder == task })
	switch {
	case i < 0:
		return ""
	case !made:
		return copied(folder, all[i])
	case r.Task == "":
		return NotOfficial + ": data prepare drew the images from class folders"
	case r.Task != task:
		return NotOfficial + ": the images were prepared for " + r.Task
	}
	word := r.word()
	if word != "" && fingerprint != r.Fingerprint && (fingerprint == "" || fingerprint != r.Training) {
		word = NotOfficial + ": the files or lists that are used are not those that data prepare made, which were: " + word
	}
	return word
}

// taskOf returns the task that a folder is named after, "" if there is none.
func taskOf(folder string) string {
	path, err := filepath.Abs(folder)
	if err != nil {
		return ""
	}
	t, err := suite.TaskOf(filepath.Base(path))
	if err != nil {
		return ""
	}
	return t.Folder
}

func read(folder string) (r record, ok bool) {
	raw, err := limit.ReadFile(filepath.Join(folder, File), limit.Text)
	return r, err == nil && json.Unmarshal(raw, &r) == nil
}

// word judges what data prepare made.
func (r record) word() string {
	var reasons, unverified []string
	for _, remark := range r.Remarks {
		if reason, ok := strings.CutPrefix(remark, Unofficial); ok {
			reasons = append(reasons, reason)
		}
	}
	for _, l := range official()[r.Task] {
		if why := Compare(r.Task, l.name, r.Keys[l.name], ""); why != "" && r.Official {
			reasons = append(reasons, why)
		}
	}
	for _, s := range r.Sources {
		if s.Published == "" {
			unverified = append(unverified, spell.Line(s.Name))
		}
	}
	switch {
	case len(reasons) > 0 || !r.Official:
		if len(reasons) == 0 {
			reasons = []string{"the record does not say why"}
		}
		return NotOfficial + ": " + strings.Join(reasons, "; ")
	case r.Task == drawn:
		return Unknown + ": the images are those of one copy that TFDS prepared; " + drawnDiffer + prefixed("; its pixels: ", r.Pixels)
	case r.Pixels != "":
		return OtherPixels + ": " + r.Pixels
	case len(unverified) > 0 || len(r.Sources) == 0:
		return Unverified + ": no published checksum confirms " + spell.Few(unverified, 3)
	}
	return Official
}
