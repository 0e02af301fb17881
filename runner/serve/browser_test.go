package serve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/internal/browsertest"
)

// TestPage uses the page in a browser: by file, by drop, with the keyboard alone, at the width of a phone, in dark mode, with a bad
// file and with a token.
func TestPage(t *testing.T) {
	need.Heavy(t, "starts Chromium")
	h := start(t, nil)
	b := browsertest.Open(t)
	size := func(width, height int) {
		b.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
	}
	size(1000, 700)
	open := func() {
		b.Call("Page.navigate", map[string]any{"url": h.url + "/"})
		b.Until("the page is loaded", `document.readyState + location.href`, "complete"+h.url+"/")
	}
	open()
	image := filepath.Join(t.TempDir(), "grey.png")
	expect.NoError(t, os.WriteFile(image, grey(100), 0o666))
	choose := func(path string) {
		var document struct{ Root struct{ NodeID int } }
		b.Get("DOM.getDocument", nil, &document)
		var input struct{ NodeID int }
		b.Get("DOM.querySelector", map[string]any{"nodeId": document.Root.NodeID, "selector": "#file"}, &input)
		b.Call("DOM.setFileInputFiles", map[string]any{"nodeId": input.NodeID, "files": []string{path}})
	}
	shown := `[...document.querySelectorAll("section")].map(s => s.innerText.replace(/\s+/g, " ").trim()).join("; ")`
	// Of logits that differ by 1/8: e^(c/8) / sum.
	want := "cats cobalt 37.6 % basil 33.2 % amber 29.3 %; tiles basil 53.1 % amber 46.9 %"
	b.Eval("document.title") // the page's script has run
	choose(image)
	b.Until("both tasks are shown", shown, want)
	if note := b.Eval(`document.getElementById("note").textContent`); !strings.HasPrefix(note, "2 tasks in ") || !strings.Contains(note, "computing") {
		t.Errorf("note %q", note)
	}
	if w := b.Eval(`document.querySelector("li i").getBoundingClientRect().width / document.querySelector("li").getBoundingClientRect().width`); !strings.HasPrefix(w, "0.37") {
		t.Errorf("the bar of 37.6 %% has the width %s", w)
	}
	b.Screenshot("light.png")

	open() // by drop
	b.Eval(`(async () => { const d = new DataTransfer(); const c = document.createElement("canvas"); c.width = c.height = 4;
		d.items.add(new File([await new Promise(r => c.toBlob(r))], "drop.png")); dispatchEvent(new DragEvent("drop", {dataTransfer: d, cancelable: true})); })()`)
	b.Until("the dropped image is classified", shown, want)
	b.Eval(`(async () => { const d = new DataTransfer(); d.items.add(new File(["text"], "notes.txt")); dispatchEvent(new DragEvent("drop", {dataTransfer: d, cancelable: true})); })()`)
	b.Until("the bad file is refused", `document.getElementById("problem").textContent.includes("Not classified: image 0: not an image in a known format")`, "true")
	if left := b.Eval(shown); left != "" {
		t.Errorf("beside the refusal the page shows %s", left)
	}

	open() // with the keyboard alone
	b.Key("Tab", 9)
	if at := b.Eval("document.activeElement.id"); at != "file" {
		t.Errorf("the first Tab leads to %q", at)
	}
	if o := b.Eval(`getComputedStyle(document.getElementById("drop")).outlineStyle`); o != "solid" {
		t.Errorf("the focus is not visible: %q", o)
	}
	b.Call("Page.setInterceptFileChooserDialog", map[string]any{"enabled": true})
	b.Eval(`document.getElementById("file").addEventListener("click", () => window.opened = true)`)
	b.Call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": " ", "code": "Space", "windowsVirtualKeyCode": 32, "text": " "})
	b.Call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": " ", "code": "Space", "windowsVirtualKeyCode": 32})
	b.Until("Space opens the choice of a file", "String(window.opened)", "true")
	b.Call("Page.setInterceptFileChooserDialog", map[string]any{"enabled": false})

	size(360, 740) // a phone, dark
	b.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}})
	open()
	choose(image)
	b.Until("both tasks are shown", shown, want)
	if fits := b.Eval("document.documentElement.scrollWidth <= innerWidth"); fits != "true" {
		t.Errorf("the page is wider than a phone: %s of %s", b.Eval("document.documentElement.scrollWidth"), b.Eval("innerWidth"))
	}
	if c := b.Eval("getComputedStyle(document.body).backgroundColor"); c != "rgb(18, 22, 27)" {
		t.Errorf("in dark mode the ground is %s", c)
	}
	b.Screenshot("phone-dark.png")
	if foreign := b.Eval(`performance.getEntriesByType("resource").filter(e => !e.name.startsWith(location.origin) && !/^(data|blob):/.test(e.name)).length`); foreign != "0" {
		t.Errorf("the page loads %s resources from elsewhere", foreign)
	}
	for _, p := range b.Problems() {
		if !strings.Contains(p, "400 (Bad Request)") { // of the bad file
			t.Errorf("Chromium reports %s", p)
		}
	}
}

// TestPageToken: the page asks for the token that the server wants.
func TestPageToken(t *testing.T) {
	need.Heavy(t, "starts Chromium")
	path := filepath.Join(t.TempDir(), "token")
	expect.NoError(t, os.WriteFile(path, []byte("0123456789abcdef"), 0o600))
	h := start(t, func(c *Config, _ *fake) { c.TokenFile = path })
	b := browsertest.Open(t)
	b.Call("Page.navigate", map[string]any{"url": h.url + "/"})
	b.Until("the page is loaded", `document.readyState + location.href`, "complete"+h.url+"/")
	b.Eval(`(async () => { const d = new DataTransfer(); const c = document.createElement("canvas"); c.width = c.height = 4;
		d.items.add(new File([await new Promise(r => c.toBlob(r))], "drop.png")); dispatchEvent(new DragEvent("drop", {dataTransfer: d, cancelable: true})); })()`)
	b.Until("the page asks for the token", "document.activeElement.id", "token")
	b.Screenshot("token.png")
	b.Call("Input.insertText", map[string]any{"text": "0123456789abcdef"})
	b.Call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"})
	b.Until("both tasks are shown", `document.querySelectorAll("section").length`, "2")
}
