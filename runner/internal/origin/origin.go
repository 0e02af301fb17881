// Package origin tells whether a data set has the images of VTAB-1k, by the record that data prepare leaves beside the lists.
package origin

import (
	"encoding/json"
	"path/filepath"
	"strings"

	"dtl-tf/graph/limit"
)

// File is the name of the record.
const File = "prepare.json"

// Unofficial is how a remark begins that says why the images are not those of VTAB-1k.
const Unofficial = "not VTAB-1k's images: "

// Official is what [Of] says about VTAB-1k's own images, with the pixels of the data set's source.
const Official = "official lists and pixels"

// Of returns Official, or "official lists, other pixels: ..." or "not official: ..." with the reasons. It returns "" for data sets
// without a record and for those that are of no task of VTAB-1k. fingerprint is that of the data set as it is now.
func Of(folder, fingerprint string) string {
	raw, err := limit.ReadFile(filepath.Join(folder, File), limit.Text)
	if err != nil {
		return ""
	}
	var r struct {
		Task        string
		Official    bool
		Pixels      string
		Remarks     []string
		Fingerprint string `json:"data_fingerprint"`
	}
	if json.Unmarshal(raw, &r) != nil {
		return ""
	}
	word := ""
	switch {
	case r.Official && r.Pixels == "":
		word = Official
	case r.Official:
		word = "official lists, other pixels: " + r.Pixels
	default:
		var reasons []string
		for _, remark := range r.Remarks {
			if reason, ok := strings.CutPrefix(remark, Unofficial); ok {
				reasons = append(reasons, reason)
			}
		}
		if len(reasons) > 0 {
			word = "not official: " + strings.Join(reasons, "; ")
		}
	}
	if word != "" && r.Fingerprint != fingerprint {
		word = "not official: the files or lists that are used are not those that data prepare made, which were: " + word
	}
	return word
}
