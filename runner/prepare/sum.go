package prepare

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"

	"dtl-tf/graph/limit"
)

// known are published checksums of archives, by file name: sha256 as TFDS records it, md5 as the home page of CIFAR gives it.
var known = map[string]struct{ md5, sha256 string }{
	"cifar-10-binary.tar.gz":  {md5: "c32a1d4ab5d03f1284b67883e8d87530"},
	"cifar-10-python.tar.gz":  {md5: "c58f30108f718f92721af3b95e74349a"},
	"cifar-100-binary.tar.gz": {md5: "03b5dce01913d631647c71ecec9e9cb8", sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"},
	"cifar-100-python.tar.gz": {md5: "eb9058c3a382ffc7106e4002c42a8d85"},
	"EuroSAT.zip":             {sha256: "8ebea626349354c5328b142b96d0430e647051f26efc2dc974c843f25ecf70bd"},
}

// sumSources fills in sizes and checksums of the files that were read, and remarks where one is not the published
// archive of its name. Names are relative to from, or its own.
func sumSources(ctx context.Context, sources []SourceFile, from string, r *Record, ui UI) ([]SourceFile, error) {
	ui.note("computing checksums of the source")
	for i := range sources {
		s := &sources[i]
		if s.SHA256 != "" {
			continue
		}
		path := from
		if info, err := os.Stat(from); err == nil && info.IsDir() {
			path = filepath.Join(from, filepath.FromSlash(s.Name))
		}
		short, long, size, err := sums(ctx, path)
		if err != nil {
			return nil, err
		}
		s.Bytes, s.SHA256 = size, long
		if k, ok := known[s.Name]; ok && (k.sha256 != "" && k.sha256 != long || k.md5 != "" && k.md5 != short) {
			r.unofficial("the checksum of %s is not that of the published archive", s.Name)
			ui.note("warning: %s has sha256 %s and md5 %s, which is not the published archive of this name", s.Name, long, short)
		}
	}
	return sources, nil
}

// sums reads a file once for both.
func sums(ctx context.Context, path string) (short, long string, size int64, err error) {
	m, l := md5.New(), sha256.New()
	if size, err = limit.Copy(ctx, io.MultiWriter(m, l), path); err != nil {
		return "", "", 0, err
	}
	return hex.EncodeToString(m.Sum(nil)), hex.EncodeToString(l.Sum(nil)), size, nil
}
