package feature

import (
	"fmt"
	"os"
	"path/filepath"
)

// UserFolder is where stored values are kept unless the user names a folder: dtl-tf/features in the user's folder for caches.
func UserFolder() (string, error) {
	base := os.Getenv("XDG_CACHE_HOME") // on every system: who sets it means it
	if !filepath.IsAbs(base) {
		var err error
		if base, err = os.UserCacheDir(); err != nil {
			return "", fmt.Errorf("there is no folder for caches: %w (name one)", err)
		}
	}
	return filepath.Join(base, "dtl-tf", "features"), nil
}
