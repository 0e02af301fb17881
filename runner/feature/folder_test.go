package feature

import "testing"

// TestUserFolder: XDG_CACHE_HOME counts on every system, and without any home there is an error.
func TestUserFolder(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "/a/b")
	if got, err := UserFolder(); err != nil || got != "/a/b/dtl-tf/features" {
		t.Errorf("%s, %v", got, err)
	}
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	if _, err := UserFolder(); err == nil {
		t.Error("no error without a home")
	}
}
