// Package weight reads and writes weight files: NumPy's .npz, Google's format for ViT checkpoints,
// and .safetensors, the format of timm's checkpoints and of this program's adapters.
//
// Files are untrusted. Sizes in a header are checked against the size of the file before memory is
// allocated for them, checksums are verified, and anything not understood is refused with an error
// that names the file, the tensor, what was found and what to do about it.
package weight

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sync/errgroup"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/tensor"
)

// The formats that Open knows.
const (
	NPZ         = "npz"
	Safetensors = "safetensors"
)

// File is the content of a weight file, or of several that an index lists.
type File struct {
	Path     string            // of the file, or of the index
	Parts    []string          // the paths of the files that hold the tensors: Path, or the shards in order of name
	Format   string            // NPZ or Safetensors
	Tensors  tensor.Map        // floats of any width as float32; integers and bools keep their type
	Metadata map[string]string // __metadata__ of a .safetensors file, nil in other files and for shards
	SHA256   string            // of the file's bytes, in hexadecimal; for shards of a line "SHA256  NAME" each, in order of name

	// Original, if tensors have been renamed since, returns the name in the file of a tensor.
	Original func(name string) string
}

// Name is the name in the file of a tensor, for messages.
func (f *File) Name(name string) string {
	if f.Original == nil {
		return name
	}
	return f.Original(name)
}

// Open is OpenContext without a context.
func Open(path string) (*File, error) { return OpenContext(context.Background(), path) }

// OpenContext reads a whole weight file, or the shards that an index (model.safetensors.index.json) lists, unless ctx ends first.
// The content determines the format, not the name; only the name of an index must end in .index.json.
func OpenContext(ctx context.Context, path string) (*File, error) {
	if IsIndex(path) {
		return openShards(path, func(shard string) (*File, error) { return openFile(ctx, shard, false) })
	}
	return openFile(ctx, path, false)
}

func openFile(ctx context.Context, path string, deferred bool) (_ *File, err error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil || !deferred { // else the tensors have the file, which is closed with the last of them
			f.Close()
		}
	}()
	from, err := newSource(f, path, deferred)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	format, err := detect(f, size, path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	// Compute the checksum on another core while the tensors are decoded.
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	file := &File{Path: path, Parts: []string{path}, Format: format}
	var hashing errgroup.Group
	hashing.Go(func() (err error) {
		file.SHA256, err = hash(ctx, f, size)
		return err
	})
	if format == NPZ {
		file.Tensors, err = readNPZ(ctx, from, size)
	} else {
		file.Tensors, file.Metadata, err = readSafetensors(ctx, from, size)
	}
	if err != nil {
		stop()
	}
	if hashErr := hashing.Wait(); err == nil { // even if decoding failed: f must stay open until the hash is done
		err = hashErr
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

func openRegular(path string) (*os.File, int64, error) {
	info, err := os.Stat(path) // before opening, because opening a pipe would wait for its writer
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, 0, fmt.Errorf("weight file %s does not exist: %w", path, err)
	case err != nil:
		return nil, 0, fmt.Errorf("weight file: %w", err)
	case info.IsDir():
		return nil, 0, fmt.Errorf("%s is a directory: name a .npz or .safetensors file", path)
	case !info.Mode().IsRegular():
		return nil, 0, fmt.Errorf("%s is not a regular file: name a .npz or .safetensors file", path)
	case info.Size() == 0:
		return nil, 0, fmt.Errorf("%s is empty (0 bytes): download or copy it again", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("weight file: %w", err)
	}
	return f, info.Size(), nil
}

// hash is the SHA-256 of the first size bytes, unless ctx ends meanwhile.
func hash(ctx context.Context, r io.ReaderAt, size int64) (string, error) {
	h := sha256.New()
	n, err := io.CopyBuffer(h, limit.Reader(ctx, io.NewSectionReader(r, 0, size)), make([]byte, 1<<20))
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err == nil && n < size:
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return "", fmt.Errorf("reading it for its checksum: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// noEOF turns io.EOF in the middle of a structure into io.ErrUnexpectedEOF.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
