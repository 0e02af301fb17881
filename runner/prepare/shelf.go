package prepare

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/prepare/archive"
)

// shelf is where the files of an author set lie: the archive that --from is, or a folder with the set's archives, unpacked files or
// both.
type shelf struct {
	from     string
	packed   []packed
	folder   *archive.Archive // nil if --from is an archive
	inner    string           // see authorSet
	others   []string         // archives in the folder that are not the set's
	nested   []string         // archives in archives
	unpacked []archive.Entry  // files of the set that were not in archives, by name
}

// packed is an archive of the set.
type packed struct {
	names   []string // relative to --from; several parts of one zip
	archive *archive.Archive
}

// numbered matches the part of a zip that is cut into files.
var numbered = regexp.MustCompile(`^(.+\.zip)\.([0-9]{3})$`)

// openShelf finds the archives of a set by their published names at any depth of a folder.
func openShelf(ctx context.Context, from string, set *authorSet) (*shelf, error) {
	a, err := archive.Open(from)
	if err != nil {
		return nil, err
	}
	s := &shelf{from: from, inner: set.inner}
	if a.Kind != archive.Folder {
		s.packed = []packed{{[]string{filepath.Base(from)}, a}}
		return s, nil
	}
	s.folder = a
	parts := map[string][]string{} // of zips, by name
	err = a.Walk(ctx, func(e archive.Entry, _ io.Reader) error {
		base := path.Base(e.Name)
		switch m := numbered.FindStringSubmatch(base); {
		case m != nil && set.file(m[1]) != nil:
			whole := path.Join(path.Dir(e.Name), m[1])
			parts[whole] = append(parts[whole], e.Name)
		case isArchiveName(base) && (set.file(base) != nil || set.file(strings.TrimSuffix(base, ".zip")) != nil):
			opened, err := archive.Open(e.Path)
			if err != nil {
				return err
			}
			if i := slices.IndexFunc(s.packed, func(p packed) bool { return path.Base(p.names[0]) == base }); i >= 0 {
				return fmt.Errorf("%s lies in %s too: keep one of them", base, path.Dir(s.packed[i].names[0]))
			}
			s.packed = append(s.packed, packed{[]string{e.Name}, opened})
		case isArchiveName(base) || m != nil:
			s.others = append(s.others, e.Name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for whole, names := range parts {
		var files []string
		for i, name := range names {
			if want := fmt.Sprintf("%s.%03d", whole, i+1); name != want {
				return nil, fmt.Errorf("%s: %s is missing: the zip is not complete", from, want)
			}
			files = append(files, filepath.Join(from, filepath.FromSlash(name)))
		}
		opened, err := archive.OpenParts(files)
		if err != nil {
			return nil, err
		}
		s.packed = append(s.packed, packed{names, opened})
	}
	slices.SortFunc(s.packed, func(a, b packed) int { return strings.Compare(a.names[0], b.names[0]) })
	return s, nil
}

// isArchiveName tells by the extension whether a file is packed.
func isArchiveName(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{".zip", ".tar", ".gz", ".tgz", ".rar", ".7z", ".bz2", ".xz"}, func(extension string) bool {
		return strings.HasSuffix(name, extension)
	})
}

// walk visits the files of the set, under the names that canon gives them (see authorSet). Of a file that is there packed and
// unpacked it visits the packed one.
func (s *shelf) walk(ctx context.Context, canon func(string) string, visit func(name string, e archive.Entry, r io.Reader) error) error {
	s.nested = nil
	seen, wheres := map[[md5.Size]byte]int{}, []string{} // the archive, which wheres names, by the digest of the name
	var once func(where string) func(archive.Entry, io.Reader) error
	once = func(where string) func(archive.Entry, io.Reader) error {
		wheres = append(wheres, where)
		number := len(wheres) - 1
		return func(e archive.Entry, r io.Reader) error {
			if s.inner != "" && path.Base(e.Name) == s.inner {
				return archive.WalkTar(ctx, s.inner, e.Size, r, once(s.inner))
			}
			name := canon(e.Name)
			if name == "" {
				if isArchiveName(e.Name) {
					s.nested = append(s.nested, where+", "+e.Name)
				}
				return nil
			}
			key := md5.Sum([]byte(name))
			if first, ok := seen[key]; ok {
				return fmt.Errorf("%s is there twice, in %s and in %s: keep one of them", name, wheres[first], where)
			}
			seen[key] = number
			return visit(name, e, r)
		}
	}
	for _, p := range s.packed {
		if err := p.archive.Walk(ctx, once(p.names[0])); err != nil {
			return err
		}
	}
	if s.folder == nil {
		return nil
	}
	s.unpacked = nil
	loose := map[string]bool{}
	return s.folder.Walk(ctx, func(e archive.Entry, r io.Reader) error {
		name := canon(e.Name)
		if _, packed := seen[md5.Sum([]byte(name))]; name == "" || packed {
			return nil
		}
		if loose[name] {
			return fmt.Errorf("%s is there twice", name)
		}
		loose[name] = true
		s.unpacked = append(s.unpacked, e)
		return visit(name, e, r)
	})
}

// sources returns the archives, the unpacked text files, and the unpacked images as one entry, after a walk.
func (s *shelf) sources() (list []SourceFile) {
	for _, p := range s.packed {
		for _, name := range p.names {
			list = append(list, SourceFile{Name: name})
		}
	}
	images := SourceFile{Name: filepath.Base(s.from)}
	h := sha256.New()
	for _, e := range s.unpacked {
		if isImageFile(e.Name) {
			images.Bytes += e.Size
			fmt.Fprintf(h, "%d %s\n", e.Size, e.Name)
			continue
		}
		list = append(list, SourceFile{Name: e.Name})
	}
	if images.Bytes > 0 {
		images.SHA256 = hex.EncodeToString(h.Sum(nil))
		list = append(list, images)
	}
	return list
}

func isImageFile(name string) bool {
	return slices.Contains([]string{".jpg", ".jpeg", ".png"}, strings.ToLower(path.Ext(name)))
}

// missing explains which published files could complete the set.
func (s *shelf) missing(set *authorSet, what string) error {
	var want []string
	for _, f := range set.files {
		have := slices.ContainsFunc(s.packed, func(p packed) bool {
			return path.Base(p.names[0]) == f.name || strings.HasPrefix(path.Base(p.names[0]), f.name+".")
		})
		if info, err := os.Stat(filepath.Join(s.from, f.name)); !have && (err != nil || info.IsDir()) {
			want = append(want, f.String())
		}
	}
	hint := "is it another archive, or not complete?"
	switch {
	case s.folder != nil && set.either && len(want) == len(set.files):
		hint = fmt.Sprintf("in the folder are neither the unpacked files nor one of %s", set.list())
	case s.folder != nil && !set.either && len(want) > 0:
		hint = fmt.Sprintf("in the folder are neither the unpacked files nor %s", strings.Join(want, ", "))
	case len(set.files) > 1 && !set.either:
		hint = fmt.Sprintf("give the folder with all files of the data set: %s", set.list())
	}
	if len(s.nested) > 0 {
		hint += fmt.Sprintf(" (archives in archives are not opened: %s; unpack the outer one and give the folder)", spell.Few(s.nested, 3))
	}
	if len(s.others) > 0 {
		hint += fmt.Sprintf(" (archives of other names are not opened: %s; a RAR has to be unpacked)", spell.Few(s.others, 3))
	}
	return fmt.Errorf("%s: %s of %s is missing: %s", s.from, what, set.title, hint)
}
