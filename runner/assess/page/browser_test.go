package page

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/internal/browsertest"
)

// TestPagesInBrowser looks at reports in a browser, at the width of a desktop and of a phone, light and dark: nothing is wider than the
// page, and nothing is refused or loaded from elsewhere. DTL_TF_SCREENSHOTS names a folder to keep pictures in, and DTL_TF_REPORTS
// reports to look at instead of the test's own.
func TestPagesInBrowser(t *testing.T) {
	need.Heavy(t, "starts Chromium")
	b := browsertest.Open(t)
	pages := filepath.SplitList(os.Getenv("DTL_TF_REPORTS"))
	if len(pages) == 0 {
		pages = samplePages(t)
	}
	for _, path := range pages {
		name := strings.TrimSuffix(filepath.Base(filepath.Dir(path))+"-"+filepath.Base(path), ".html")
		for _, scheme := range []string{"light", "dark"} {
			for device, width := range map[string]int{"desktop": 1200, "phone": 360} {
				b.Size(width, 800, scheme)
				b.Go("file://" + path)
				if fits := b.Eval("document.documentElement.scrollWidth <= innerWidth"); fits != "true" {
					t.Errorf("%s is wider than a %s: %s of %s", name, device, b.Eval("document.documentElement.scrollWidth"), b.Eval("innerWidth"))
				}
				want := map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 27)"}[scheme]
				if c := b.Eval("getComputedStyle(document.body).backgroundColor"); c != want {
					t.Errorf("%s, %s: the ground is %s", name, scheme, c)
				}
				if n := b.Eval(`[...document.images].filter(i => i.complete && !i.naturalWidth).length`); n != "0" {
					t.Errorf("%s: %s pictures are broken", name, n)
				}
				if n := b.Eval(`performance.getEntriesByType("resource").filter(e => !/^data:/.test(e.name)).length`); n != "0" {
					t.Errorf("%s loads %s resources", name, n)
				}
				height, err := strconv.Atoi(b.Eval("document.documentElement.scrollHeight"))
				expect.NoError(t, err)
				b.Size(width, min(height, 16_000), scheme)
				b.Screenshot(name + "-" + device + "-" + scheme + ".png")
			}
		}
	}
	for _, p := range b.Problems() {
		t.Errorf("Chromium reports %s", p)
	}
}
