package pair

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/fault"
)

// TestPairKilled ends the replacement at each fault point. It leaves the old pair or the new one, at the latest after restore,
// and the next replacement succeeds.
func TestPairKilled(t *testing.T) {
	dir := t.TempDir()
	p := pairOf(filepath.Join(dir, "merged.npz"))
	replace := func(text string, number int) (survived bool) {
		seen := 0
		fault.Hook = func(string) {
			if seen++; seen == number {
				panic(number)
			}
		}
		defer func() {
			fault.Hook = nil
			_ = recover()
		}()
		expect.NoError(t, p.Replace([]byte(text), func(w io.Writer) error { _, err := io.WriteString(w, text); return err }))
		return true
	}
	content := func(path string) string {
		text, _ := os.ReadFile(path)
		return string(text)
	}
	for _, before := range []string{"old", ""} { // the JSON before
		number := 1
		for ; ; number++ {
			expect.NoError(t, os.WriteFile(p.Weights, []byte("old"), 0o666))
			os.Remove(p.Sidecar)
			if before != "" {
				expect.NoError(t, os.WriteFile(p.Sidecar, []byte(before), 0o666))
			}
			survived := replace("new", number)
			if w, s := content(p.Weights), content(p.Sidecar); w == "old" && s != before || w == "new" && s != "new" {
				t.Errorf("point %d: weights %q beside %q", number, w, s)
			}
			expect.NoError(t, p.Restore())
			w, s := content(p.Weights), content(p.Sidecar)
			if !(w == "old" && s == before || w == "new" && s == "new") || survived && w != "new" {
				t.Errorf("point %d, restored: weights %q beside %q", number, w, s)
			}
			if !replace("newer", -1) || content(p.Weights) != "newer" || content(p.Sidecar) != "newer" {
				t.Errorf("point %d: the next one fails", number)
			}
			if survived {
				break
			}
		}
		if number < 10 {
			t.Errorf("only %d points", number)
		}
	}
}
