package page

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"html/template"
	"image/jpeg"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	decoder "dtl-tf/graph/jpeg"
	"dtl-tf/graph/spell"
	"dtl-tf/runner/assess"
	"dtl-tf/runner/data"
)

const (
	maxMistakes   = 48  // thumbnails of a page
	thumbnailSide = 160 // pixels of the longer side
	quality       = 80  // of a thumbnail, as JPEG: 2 to 10 kB
	maxThumbnail  = 48 << 10
)

// mistake is a wrong answer with its picture.
type mistake struct {
	Picture         template.URL // a data URI; "": the picture can't be read
	Image           string
	True, Predicted string
	Probability     string
	TrueProbability string
	file            string // the path in the data set
}

// mistakes lists the most confident wrong answers with their pictures, read from the folder or beside the table of the data set.
// missing says which pictures can't be read and why, "" if all can.
func mistakes(e *assess.Evaluation, folder string) (list []mistake, total int, missing string) {
	wrong := slices.DeleteFunc(slices.Clone(e.Answers), assess.Answer.Right)
	slices.SortStableFunc(wrong, func(a, b assess.Answer) int { return cmp.Compare(b.Probability(), a.Probability()) })
	total = len(wrong)
	wrong = wrong[:min(total, maxMistakes)]
	for _, a := range wrong {
		list = append(list, mistake{
			Image: spell.Line(a.Image), True: spell.Line(e.Name(a.True)), Predicted: spell.Line(e.Name(a.Predicted())),
			Probability: percent(a.Probability()), TrueProbability: percent(a.TrueProbability), file: a.Image,
		})
	}
	return list, total, pictures(e, folder, list)
}

// pictures reads the pictures of mistakes.
func pictures(e *assess.Evaluation, folder string, list []mistake) (missing string) {
	if info, err := os.Stat(folder); err == nil && info.Mode().IsRegular() { // a table
		folder = filepath.Dir(folder)
	}
	failures := make([]error, len(list))
	jpegs, err := decoder.NewDecoder(1)
	if err == nil {
		defer jpegs.Close()
	}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range list {
		group.Go(func() error {
			if err != nil {
				failures[i] = err
				return nil
			}
			list[i].Picture, failures[i] = thumbnail(data.Images{Decoder: jpegs, Upright: e.Exif}, folder, list[i].file)
			return nil
		})
	}
	_ = group.Wait() // failures has the errors
	var names []string
	var first error
	for i, err := range failures {
		if err != nil {
			names = append(names, list[i].Image)
			first = cmp.Or(first, err)
		}
	}
	if names == nil {
		return ""
	}
	return fmt.Sprintf("%d of %d thumbnails are left out, because their pictures can't be read (%v): %s", len(names), len(list), first, spell.Few(names, 5))
}

// thumbnail makes the data URI of an image of a data set.
func thumbnail(images data.Images, folder, name string) (template.URL, error) {
	local := filepath.FromSlash(name)
	if !filepath.IsLocal(local) { // of a predictions.csv from elsewhere
		return "", fmt.Errorf("path %s leaves the folder of the data set", spell.Line(name))
	}
	m, err := images.Thumbnail(filepath.Join(folder, local), thumbnailSide)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	for q := quality; ; q -= 20 {
		b.Reset()
		if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: q}); err != nil {
			return "", err
		}
		if b.Len() <= maxThumbnail || q <= 20 {
			return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(b.Bytes())), nil
		}
	}
}
