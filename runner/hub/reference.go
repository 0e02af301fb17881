package hub

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"unicode"
)

// Prefix begins a --backbone that is a model of a hub.
const Prefix = "hf:"

// mainRevision is the branch of a reference without a revision.
const mainRevision = "main"

// Reference names a model of a hub.
type Reference struct {
	Repo     string // NAME or OWNER/NAME
	Revision string // a branch, a tag or a commit
}

// String returns the reference as Parse takes it.
func (r Reference) String() string { return r.Repo + "@" + r.Revision }

// The rules for a repository's name are those of huggingface_hub (utils/_validators.py).
var (
	repoPart   = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$`)
	commitHash = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

const (
	maxRepo     = 96
	maxRevision = 200 // a branch's name becomes the name of a file
)

// Parse parses REPO[@REVISION], with or without Prefix.
func Parse(text string) (Reference, error) {
	repo, revision, given := strings.Cut(strings.TrimPrefix(text, Prefix), "@")
	if !given {
		revision = mainRevision
	}
	parts := strings.Split(repo, "/")
	valid := len(parts) <= 2 && len(repo) <= maxRepo && !strings.Contains(repo, "--") && !strings.Contains(repo, "..") && !strings.HasSuffix(repo, ".git")
	for _, p := range parts {
		valid = valid && repoPart.MatchString(p)
	}
	if !valid {
		return Reference{}, fmt.Errorf("%q is not the name of a model on a hub: want OWNER/NAME or OWNER/NAME@REVISION, such as timm/vit_tiny_patch16_224.augreg_in21k", text)
	}
	if len(revision) > maxRevision || !localName(revision) || strings.HasPrefix(revision, ".") || strings.Contains(revision, "/.") {
		return Reference{}, fmt.Errorf("%q is not a revision: want a branch, a tag or a commit", revision)
	}
	return Reference{Repo: repo, Revision: revision}, nil
}

// localName reports whether a name, with slashes, names a file within a folder on every system.
func localName(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.ContainsAny(name, `\:`) && !strings.ContainsFunc(name, unicode.IsControl)
}
