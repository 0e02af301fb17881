package lint

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

var (
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	// fenced is a block of code, in which a link is no link and a comment no heading.
	fenced = regexp.MustCompile("(?s)\n```.*?\n```")
	// notInAnchor is what GitHub leaves out of the anchor of a heading.
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// TestLinks: every file and every heading that a document links to is there.
func TestLinks(t *testing.T) {
	root := filepath.Join("..", "..")
	users := []string{filepath.Join(root, "data"), filepath.Join(root, "runs"), filepath.Join(root, "dist")} // as in .gitignore
	documents := map[string]string{}                                                                         // text by path
	expect.NoError(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != root && (strings.HasPrefix(e.Name(), ".") || slices.Contains(users, path)):
			return filepath.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, ".md"):
			return nil
		}
		content, err := os.ReadFile(path)
		documents[path] = fenced.ReplaceAllString(string(content), "")
		return err
	}))
	links := 0
	for path, text := range documents {
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			u, err := url.Parse(found[1])
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			if u.Scheme != "" {
				continue
			}
			links++
			target := path
			if u.Path != "" {
				target = filepath.Join(filepath.Dir(path), filepath.FromSlash(u.Path))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", path, found[1])
				continue
			}
			if u.Fragment != "" && !hasAnchor(documents[target], u.Fragment) {
				t.Errorf("%s links to %s, and no heading there has this anchor", path, found[1])
			}
		}
	}
	if links < 50 {
		t.Errorf("only %d links were found in %d documents", links, len(documents))
	}
}

// hasAnchor reports whether GitHub gives a heading of a document this anchor.
func hasAnchor(document, anchor string) bool {
	for _, h := range heading.FindAllStringSubmatch(document, -1) {
		made := notInAnchor.ReplaceAllString(strings.ToLower(h[1]), "")
		if strings.ReplaceAll(made, " ", "-") == anchor {
			return true
		}
	}
	return false
}
