package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"regexp"
	"strings"

	"dtl-tf/graph/limit"
)

var (
	sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)
	sha1Hex   = regexp.MustCompile(`^[0-9a-f]{40}$`)
	// blobName is an ETag that can be the name of a file.
	blobName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$`)
)

// remote is a file of a model as the hub declares it.
type remote struct {
	name string // in the model, with slashes
	// etag identifies the content and is the name of the blob: the SHA-256 of a large file, Git's SHA-1 of a small one.
	etag string
	size int64 // in bytes, -1 if the hub does not tell
}

// normalise removes from an ETag what HTTP adds.
func normalise(etag string) string {
	return strings.Trim(strings.TrimPrefix(etag, "W/"), `"`)
}

// checksum is the kind of checksum that the hub declares, "" for none.
func (f remote) checksum() string {
	switch {
	case sha256Hex.MatchString(f.etag):
		return "SHA-256"
	case sha1Hex.MatchString(f.etag):
		return "Git SHA-1"
	}
	return ""
}

// verify compares a file on the disk with the declared size and checksum. It reads the file again, so that it also finds what
// another process may have written to it.
func (f remote) verify(ctx context.Context, file string, size int64) error {
	if f.size >= 0 && size != f.size {
		return &damagedError{fmt.Errorf("it has %d bytes, the hub declares %d", size, f.size)}
	}
	var h hash.Hash
	switch f.checksum() {
	case "":
		return nil
	case "SHA-256":
		h = sha256.New()
	default: // Git's hash of a blob
		h = sha1.New()
		fmt.Fprintf(h, "blob %d\x00", size)
	}
	if _, err := limit.Copy(ctx, h, file); err != nil {
		return err
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != f.etag {
		return &damagedError{fmt.Errorf("its %s is %s, the hub declares %s", f.checksum(), sum, f.etag)}
	}
	return nil
}

// damagedError says that a file differs from what the hub declares.
type damagedError struct{ error }

func (e *damagedError) Unwrap() error { return e.error }
