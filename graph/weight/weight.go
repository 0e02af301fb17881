// Package weight reads and writes weight files: NumPy's .npz, Google's format for ViT checkpoints,
// and .safetensors, the format of timm's checkpoints and of this program's adapters.
//
// Files are untrusted. Sizes in a header are checked against the size of the file before memory is
// allocated for them, checksums are verified, and anything not understood is refused with an error
// that names the file, the tensor, what was found and what to do about it.
package weight

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/tensor"
)

// The formats that Open knows.
const (
	NPZ         = "npz"
	Safetensors = "safetensors"
)

// File is the content of a weight file.
type File struct {
	Path     string
	Format   string            // NPZ or Safetensors
	Tensors  tensor.Map        // floats of any width as float32; integers and bools keep their type
	Metadata map[string]string // __metadata__ of a .safetensors file, otherwise nil
	SHA256   string            // of the file's bytes, in hexadecimal
}

// Open is OpenContext without a context.
func Open(path string) (*File, error) { return OpenContext(context.Background(), path) }

// OpenContext reads a whole weight file, unless ctx ends first. The content determines the format, not the name.
func OpenContext(ctx context.Context, path string) (*File, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	format, err := detect(f, size, strings.ToLower(filepath.Ext(path)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	// Compute the checksum on another core while the tensors are decoded.
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	file := &File{Path: path, Format: format}
	var hashing errgroup.Group
	hashing.Go(func() (err error) {
		file.SHA256, err = hash(ctx, f, size)
		return err
	})
	if format == NPZ {
		file.Tensors, err = readNPZ(ctx, f, size)
	} else {
		file.Tensors, file.Metadata, err = readSafetensors(ctx, f, size)
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

// convertHint is a command that converts a PyTorch checkpoint.
const convertHint = `: python3 -c "import sys, torch, safetensors.torch as s; d = torch.load(sys.argv[1], map_location='cpu', weights_only=True); ` +
	`d = d.get('model', d.get('state_dict', d)); s.save_file({k: v.clone().contiguous() for k, v in d.items() if torch.is_tensor(v)}, sys.argv[2])" OLD.pth NEW.safetensors`

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

// detect recognises the format by the first bytes. The extension only selects the error message for a damaged file.
func detect(r io.ReaderAt, size int64, extension string) (string, error) {
	head := make([]byte, min(64, size))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return "", fmt.Errorf("reading its first bytes: %w", err)
	}
	starts := func(s string) bool { return bytes.HasPrefix(head, []byte(s)) }
	switch {
	case starts("PK\x03\x04"), starts("PK\x05\x06"): // a zip archive, an empty zip archive
		return NPZ, nil
	case len(head) > 8 && head[8] == '{':
		return Safetensors, nil
	case starts("version https://git-lfs"):
		return "", errors.New("this is a Git LFS pointer and not the file that it stands for: get that with git lfs pull")
	case starts("\x93NUMPY"):
		return "", errors.New("this is a single array (.npy): save a set of named arrays with numpy.savez")
	case starts("\x80"):
		return "", errors.New("this is a Python pickle (.pth, .pt, .bin): save its tensors with safetensors.torch.save_file" + convertHint)
	case extension == "."+Safetensors && len(head) <= 8:
		return "", fmt.Errorf("a .safetensors file has more than %d bytes: it is truncated, download or copy it again", size)
	}
	return "", fmt.Errorf("this is neither a .npz nor a .safetensors file, it begins with %.24q", head)
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
