package main

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// pieces writes a stream into files of at most limit bytes each and the checksum of each. Without a limit there is one file with the plain
// name, else NAME.00, NAME.01 and so on, which cat joins.
type pieces struct {
	name  string // with its folder
	limit int64  // 0: none
	sums  strings.Builder

	file *os.File
	hash hash.Hash
	in   int64 // bytes in the open file
	made []string
}

// Write implements io.Writer.
func (p *pieces) Write(data []byte) (written int, err error) {
	for len(data) > 0 {
		if p.file == nil || (p.limit > 0 && p.in == p.limit) {
			if err := p.next(); err != nil {
				return written, err
			}
		}
		part := data
		if p.limit > 0 {
			part = part[:min(int64(len(part)), p.limit-p.in)]
		}
		n, err := p.file.Write(part)
		p.hash.Write(part[:n])
		p.in += int64(n)
		written += n
		if err != nil {
			return written, err
		}
		data = data[n:]
	}
	return written, nil
}

func (p *pieces) next() (err error) {
	if err := p.finish(); err != nil {
		return err
	}
	name := p.name
	if p.limit > 0 {
		name += fmt.Sprintf(".%02d", len(p.made))
	}
	p.made = append(p.made, name)
	p.hash, p.in = sha256.New(), 0
	p.file, err = os.Create(name)
	return err
}

func (p *pieces) finish() error {
	if p.file == nil {
		return nil
	}
	fmt.Fprintf(&p.sums, "%x  %s\n", p.hash.Sum(nil), filepath.Base(p.file.Name()))
	err := p.file.Close()
	p.file = nil
	return err
}

// Close ends the last piece and writes NAME.sha256, which sha256sum -c reads.
func (p *pieces) Close() error {
	if err := p.finish(); err != nil {
		return err
	}
	return os.WriteFile(p.name+".sha256", []byte(p.sums.String()), 0o644)
}

// removeOld deletes what an earlier call left under the name, whole or in pieces.
func (p *pieces) removeOld() error {
	old, err := filepath.Glob(p.name + "*")
	for _, name := range old {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// packer is a tar file in the making. Owners and times are the same for every file, so that the same files make the same archive.
type packer struct {
	*tar.Writer
	top string // the folder that everything is in
}

func (p packer) header(name string, mode, size int64, kind byte, link string) error {
	return p.WriteHeader(&tar.Header{Name: p.top + "/" + name, Mode: mode, Size: size, Typeflag: kind, Linkname: link, Format: tar.FormatPAX})
}

// text adds a file with a text.
func (p packer) text(name string, mode int64, text string) error {
	if err := p.header(name, mode, int64(len(text)), tar.TypeReg, ""); err != nil {
		return err
	}
	_, err := io.WriteString(p, text)
	return err
}

func (p packer) link(name, target string) error {
	return p.header(name, 0o777, 0, tar.TypeSymlink, target)
}

// file adds a file of the disk, with its permission to run it. through may change its bytes, not their number.
func (p packer) file(name, path string, through func(*os.File) (io.Reader, error)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var from io.Reader = f
	if through != nil {
		if from, err = through(f); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := p.header(name, 0o644|int64(info.Mode().Perm()&0o111), info.Size(), tar.TypeReg, ""); err != nil {
		return err
	}
	if _, err := io.Copy(p, from); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// tree adds the files below a folder of the disk.
func (p packer) tree(name, folder string) error {
	return filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		below, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		return p.file(name+"/"+filepath.ToSlash(below), path, nil)
	})
}

// compress runs xz between what fill writes and out.
func compress(out io.Writer, preset string, fill func(io.Writer) error) error {
	xz := exec.Command("xz", "--threads=0", preset, "--stdout")
	xz.Stdout, xz.Stderr = out, os.Stderr
	in, err := xz.StdinPipe()
	if err != nil {
		return err
	}
	if err := xz.Start(); err != nil {
		return fmt.Errorf("%w (install xz-utils)", err)
	}
	err = errors.Join(fill(in), in.Close())
	if waited := xz.Wait(); waited != nil {
		return errors.Join(err, fmt.Errorf("xz: %w", waited))
	}
	return err
}
