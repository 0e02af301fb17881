package origin

import (
	"bytes"
	"fmt"
	"io"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/data"
)

// lossless has the tasks whose sources hold exact pixels, which JPEG changes.
var lossless = map[string]bool{
	"cifar": true, "svhn": true, "patch_camelyon": true, "clevr_count": true, "clevr_dist": true, "kitti": true,
	"dsprites_loc": true, "dsprites_ori": true, "smallnorb_azi": true, "smallnorb_ele": true,
}

// qualities has the JPEG quality with which TFDS stores the pictures that it processes.
var qualities = map[string]int{"sun397": 95, "diabetic_retinopathy": 72}

const (
	sharedQuality = 75 // of the widely shared copy of VTAB-1k
	looked        = 32 // number of images whose format is looked at
	headBytes     = 64 << 10
)

// pixelsOf looks at some images. other says why the pixels are not the official ones; hint is what else can be said.
func pixelsOf(task string, items []data.Item) (other, hint string) {
	n := min(looked, len(items))
	found := map[int]int{} // images by quality; -1 for files that are no JPEG, 0 for other tables
	for i := range n {
		quality, err := qualityOf(items[i*len(items)/n].Path)
		if err != nil {
			return "", "" // whatever reads all images reports it
		}
		found[quality]++
	}
	common := 0
	for quality, count := range found {
		if count == n {
			common = quality
		}
	}
	name := "JPEG"
	if common > 0 {
		name = fmt.Sprintf("JPEG of quality %d", common)
	}
	switch official := qualities[task]; {
	case lossless[task] && found[-1] < n:
		return "stored as " + name + ", the source is lossless", ""
	case official > 0 && common != official && common != 0:
		if common < 0 {
			name = "another format"
		}
		return fmt.Sprintf("stored as %s, TFDS stores JPEG of quality %d", name, official), ""
	case common == sharedQuality:
		return "", fmt.Sprintf("all of %d images are %s, as in the widely shared copy", n, name)
	}
	return "", ""
}

// qualityOf returns the quality, 1 to 100 on libjpeg's scale, that an image's table for luminance belongs to. It is 0 for other
// tables, and -1 if the file is no JPEG.
func qualityOf(path string) (int, error) {
	f, err := limit.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, headBytes))
	if err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(head, []byte("\xff\xd8\xff")) {
		return -1, nil
	}
	for at := 2; at+4 <= len(head) && head[at] == 0xff && head[at+1] != 0xda; {
		marker, size := head[at+1], int(head[at+2])<<8|int(head[at+3])
		segment := head[at+4 : min(max(at+2+size, at+4), len(head))]
		if marker == 0xdb && len(segment) > 64 && segment[0] == 0 {
			return qualityOfTable([64]byte(segment[1:65])), nil
		}
		at += 2 + max(size, 2)
	}
	return 0, nil
}

// luminance is the table of Annex K.1 of the JPEG standard in zigzag order, which libjpeg and its kin scale by the quality.
var luminance = [64]int{
	16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51,
	56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
}

func qualityOfTable(table [64]byte) int {
	for quality := 100; quality > 0; quality-- {
		scale := 200 - 2*quality
		if quality < 50 {
			scale = 5000 / quality
		}
		same := true
		for i, v := range luminance {
			same = same && min(max((v*scale+50)/100, 1), 255) == int(table[i])
		}
		if same {
			return quality
		}
	}
	return 0
}
