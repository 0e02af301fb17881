package prepare

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path"
	"path/filepath"

	"dtl-tf/graph/limit"
	"dtl-tf/runner"
)

// publishedSums has the published checksums of archives, by file name: sha256 from TFDS, md5 from the home page of CIFAR.
var publishedSums = map[string]struct{ md5, sha256 string }{
	"cifar-10-binary.tar.gz":  {md5: "c32a1d4ab5d03f1284b67883e8d87530"},
	"cifar-10-python.tar.gz":  {md5: "c58f30108f718f92721af3b95e74349a"},
	"cifar-100-binary.tar.gz": {md5: "03b5dce01913d631647c71ecec9e9cb8", sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"},
	"cifar-100-python.tar.gz": {md5: "eb9058c3a382ffc7106e4002c42a8d85"},
	spriteHDF5:                {sha256: "729fa22e884c9c500e1f17415d580746b4c5894fbbb780a1319bbcfa39a745bb"},
	"EuroSAT.zip":             {sha256: "8ebea626349354c5328b142b96d0430e647051f26efc2dc974c843f25ecf70bd"},
}

// sumSources fills in sizes and checksums of the files that were read, and adds a remark for each that is not the published
// file of its name.
func (r *Record) sumSources(ctx context.Context, from string, ui runner.UI) error {
	for i := range r.Sources {
		s := &r.Sources[i]
		if s.SHA256 != "" {
			continue
		}
		folder := from
		if info, err := os.Stat(from); err == nil && !info.IsDir() {
			folder = filepath.Dir(from)
		}
		short, long := md5.New(), sha256.New()
		var err error
		if s.Bytes, err = limit.Copy(ctx, io.MultiWriter(short, long), filepath.Join(folder, filepath.FromSlash(s.Name))); err != nil {
			return err
		}
		sum := hex.EncodeToString(short.Sum(nil))
		s.SHA256 = hex.EncodeToString(long.Sum(nil))
		want := publishedSums[path.Base(s.Name)]
		for _, f := range r.published {
			if f.name == path.Base(s.Name) && f.sha256 != "" {
				want.sha256 = f.sha256
			}
		}
		switch {
		case want.sha256 == s.SHA256:
			s.Published = "sha256"
		case want.sha256 == "" && want.md5 == sum:
			s.Published = "md5"
		case want.sha256 != "" || want.md5 != "":
			r.unofficial("the checksum of %s is not that of the published archive", s.Name)
			ui.Note("warning: %s has sha256 %s and md5 %s, which is not the published archive of this name", s.Name, s.SHA256, sum)
		}
	}
	return nil
}
