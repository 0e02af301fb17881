package prepare

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// TestSmallNORB compares pixels and labels with what numpy wrote, packed and unpacked.
func TestSmallNORB(t *testing.T) {
	folder := copied(t, "smallnorb")
	unpacked := t.TempDir()
	for _, f := range smallNORBSet.files {
		raw := gunzipped(t, filepath.Join(folder, f.name))
		expect.NoError(t, os.WriteFile(filepath.Join(unpacked, strings.TrimSuffix(f.name, ".gz")), raw, 0o666))
	}
	for _, task := range []string{"smallnorb_azi", "smallnorb_ele"} {
		rows := originals(t, task)
		train, test := pick(t, rows, "train", strconv.Itoa), pick(t, rows, "test", strconv.Itoa)
		for _, from := range []string{folder, unpacked, filepath.Join(folder, norbFiles[1].info)} {
			c := small(t, from, task, rows)
			r := prepared(t, c)
			check(t, c.Out, "train800", train[:10], sumPixels)
			check(t, c.Out, "val200", test[:3], sumPixels)
			check(t, c.Out, "test", test[10:], sumPixels)
			if (from == unpacked) != strings.Contains(told(r), "no published checksum") {
				t.Errorf("%s: remarks %q", from, r.Remarks)
			}
		}
	}
}

func gunzipped(t *testing.T, file string) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(read(t, file)))
	expect.NoError(t, err)
	raw, err := io.ReadAll(z)
	expect.NoError(t, err)
	return raw
}

func gzipped(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(raw)
	expect.NoError(t, err)
	expect.NoError(t, z.Close())
	return b.Bytes()
}

func TestSmallNORBRefused(t *testing.T) {
	rows := originals(t, "smallnorb_azi")
	folder := copied(t, "smallnorb")
	dat, info := filepath.Join(folder, norbFiles[0].dat), filepath.Join(folder, norbFiles[0].info)
	goodDat, goodInfo := read(t, dat), read(t, info)
	plain := gunzipped(t, info)
	odd := bytes.Clone(plain)
	odd[20+8] = 3 // azimuth of the first row
	for _, c := range []struct {
		dat, info []byte
		words     []string
	}{
		{goodDat[:len(goodDat)-500], goodInfo, []string{"training-dat", "cut off"}},
		{append(bytes.Clone(goodDat[:len(goodDat)-8]), 0, 0, 0, 0, 0, 0, 0, 0), goodInfo, []string{"training-dat", "damaged"}},
		{goodInfo, goodInfo, []string{"training-dat", "shape [30 4], want [N, 2, 96, 96]"}},
		{read(t, filepath.Join(folder, norbFiles[1].dat)), goodInfo, []string{"training-dat", "20 records", "the split test"}},
		{goodDat, goodDat, []string{"training-info", "want [N, 4]"}},
		{goodDat, gzipped(t, append(bytes.Clone(plain), 1)), []string{"training-info", "data follow the last record"}},
		{goodDat, gzipped(t, plain[:len(plain)-1]), []string{"training-info", "cut off"}},
		{goodDat, gzipped(t, odd), []string{"training-info", "row 0 has elevation 0 and azimuth 3"}},
		{goodDat, []byte("MATLAB 5.0 MAT-file"), []string{"training-info", "no matrix of NORB"}},
	} {
		expect.NoError(t, os.WriteFile(dat, c.dat, 0o666))
		expect.NoError(t, os.WriteFile(info, c.info, 0o666))
		refused(t, small(t, folder, "smallnorb_azi", rows), c.words...)
	}
	err := refused(t, small(t, folder, "toys", rows), "--task is required", "smallnorb_azi and smallnorb_ele")
	if !wrongUse(err) {
		t.Errorf("%v is not wrong usage", err)
	}
}
