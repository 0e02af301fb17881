package serve

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
)

// browser is a headless Chromium that is driven through its DevTools protocol, over pipes: messages of JSON that end with a zero byte.
type browser struct {
	t       *testing.T
	write   *os.File
	session string

	mu       sync.Mutex
	next     int
	replies  map[int]chan json.RawMessage
	problems []string // errors of scripts, refused resources
}

// openBrowser starts Chromium, or skips the test.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	need.NoError(t, err)
	in, write, err := os.Pipe()
	expect.NoError(t, err)
	read, out, err := os.Pipe()
	expect.NoError(t, err)
	command := exec.Command(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
		"--user-data-dir="+t.TempDir(), "about:blank")
	command.ExtraFiles = []*os.File{in, out} // it reads from 3 and writes to 4
	expect.NoError(t, command.Start())
	in.Close()
	out.Close()
	b := &browser{t: t, write: write, replies: map[int]chan json.RawMessage{}}
	t.Cleanup(func() {
		b.call("Browser.close", nil)
		write.Close()
		_ = command.Wait()
	})
	go b.listen(bufio.NewReaderSize(read, 1<<20))
	var target struct{ TargetID string }
	b.get("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.get("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "DOM"} {
		b.call(domain+".enable", nil)
	}
	return b
}

func (b *browser) listen(r *bufio.Reader) {
	for {
		raw, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m struct {
			ID            int
			Method        string
			Result, Error json.RawMessage
			Params        json.RawMessage
		}
		if json.Unmarshal(raw[:len(raw)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		if c, ok := b.replies[m.ID]; ok {
			if m.Error != nil {
				b.problems = append(b.problems, string(m.Error))
			}
			c <- m.Result
			delete(b.replies, m.ID)
		}
		if m.Method == "Runtime.exceptionThrown" || m.Method == "Log.entryAdded" {
			b.problems = append(b.problems, string(m.Params))
		}
		b.mu.Unlock()
	}
}

// call calls a method of the protocol and returns its result.
func (b *browser) call(method string, parameters map[string]any) json.RawMessage {
	b.t.Helper()
	b.mu.Lock()
	b.next++
	id, reply := b.next, make(chan json.RawMessage, 1)
	b.replies[id] = reply
	b.mu.Unlock()
	raw, err := json.Marshal(map[string]any{"id": id, "method": method, "params": parameters, "sessionId": b.session})
	if b.session == "" {
		raw, err = json.Marshal(map[string]any{"id": id, "method": method, "params": parameters})
	}
	expect.NoError(b.t, err)
	if _, err := b.write.Write(append(raw, 0)); err != nil {
		b.t.Fatal(err)
	}
	select {
	case result := <-reply:
		return result
	case <-time.After(60 * time.Second):
		b.t.Errorf("Chromium does not answer %s", method)
		return nil
	}
}

func (b *browser) get(method string, parameters map[string]any, into any) {
	b.t.Helper()
	expect.NoError(b.t, json.Unmarshal(b.call(method, parameters), into))
}

// eval is the value of a JavaScript expression.
func (b *browser) eval(expression string) string {
	b.t.Helper()
	var r struct{ Result struct{ Value any } }
	b.get("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &r)
	return fmt.Sprint(r.Result.Value)
}

func (b *browser) until(what, expression, want string) {
	b.t.Helper()
	eventually(b.t, what, func() bool { return b.eval(expression) == want })
}

func (b *browser) key(name string, code int) {
	for _, kind := range []string{"rawKeyDown", "keyUp"} {
		b.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code})
	}
}

// screenshot writes what the browser shows. DTL_TF_SCREENSHOTS names a folder to keep it in.
func (b *browser) screenshot(name string) {
	b.t.Helper()
	var r struct{ Data string }
	b.get("Page.captureScreenshot", map[string]any{"format": "png"}, &r)
	raw, err := base64.StdEncoding.DecodeString(r.Data)
	expect.NoError(b.t, err)
	if folder := os.Getenv("DTL_TF_SCREENSHOTS"); folder != "" {
		expect.NoError(b.t, os.WriteFile(filepath.Join(folder, name), raw, 0o666))
	}
}

// TestPage uses the page in a browser: by file, by drop, with the keyboard alone, at the width of a phone, in dark mode, with a bad
// file and with a token.
func TestPage(t *testing.T) {
	need.Heavy(t, "starts Chromium")
	h := start(t, nil)
	b := openBrowser(t)
	size := func(width, height int) {
		b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
	}
	size(1000, 700)
	open := func() {
		b.call("Page.navigate", map[string]any{"url": h.url + "/"})
		b.until("the page is loaded", `document.readyState + location.href`, "complete"+h.url+"/")
	}
	open()
	image := filepath.Join(t.TempDir(), "grey.png")
	expect.NoError(t, os.WriteFile(image, grey(100), 0o666))
	choose := func(path string) {
		var document struct{ Root struct{ NodeID int } }
		b.get("DOM.getDocument", nil, &document)
		var input struct{ NodeID int }
		b.get("DOM.querySelector", map[string]any{"nodeId": document.Root.NodeID, "selector": "#file"}, &input)
		b.call("DOM.setFileInputFiles", map[string]any{"nodeId": input.NodeID, "files": []string{path}})
	}
	shown := `[...document.querySelectorAll("section")].map(s => s.innerText.replace(/\s+/g, " ").trim()).join("; ")`
	// Of logits that differ by 1/8: e^(c/8) / sum.
	want := "cats cobalt 37.6 % basil 33.2 % amber 29.3 %; tiles basil 53.1 % amber 46.9 %"
	b.eval("document.title") // the page's script has run
	choose(image)
	b.until("both tasks are shown", shown, want)
	if note := b.eval(`document.getElementById("note").textContent`); !strings.HasPrefix(note, "2 tasks in ") || !strings.Contains(note, "computing") {
		t.Errorf("note %q", note)
	}
	if w := b.eval(`document.querySelector("li i").getBoundingClientRect().width / document.querySelector("li").getBoundingClientRect().width`); !strings.HasPrefix(w, "0.37") {
		t.Errorf("the bar of 37.6 %% has the width %s", w)
	}
	b.screenshot("light.png")

	open() // by drop
	b.eval(`(async () => { const d = new DataTransfer(); const c = document.createElement("canvas"); c.width = c.height = 4;
		d.items.add(new File([await new Promise(r => c.toBlob(r))], "drop.png")); dispatchEvent(new DragEvent("drop", {dataTransfer: d, cancelable: true})); })()`)
	b.until("the dropped image is classified", shown, want)
	b.eval(`(async () => { const d = new DataTransfer(); d.items.add(new File(["text"], "notes.txt")); dispatchEvent(new DragEvent("drop", {dataTransfer: d, cancelable: true})); })()`)
	b.until("the bad file is refused", `document.getElementById("problem").textContent.includes("Not classified: image 0: not an image in a known format")`, "true")
	if left := b.eval(shown); left != "" {
		t.Errorf("beside the refusal the page shows %s", left)
	}

	open() // with the keyboard alone
	b.key("Tab", 9)
	if at := b.eval("document.activeElement.id"); at != "file" {
		t.Errorf("the first Tab leads to %q", at)
	}
	if o := b.eval(`getComputedStyle(document.getElementById("drop")).outlineStyle`); o != "solid" {
		t.Errorf("the focus is not visible: %q", o)
	}
	b.call("Page.setInterceptFileChooserDialog", map[string]any{"enabled": true})
	b.eval(`document.getElementById("file").addEventListener("click", () => window.opened = true)`)
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": " ", "code": "Space", "windowsVirtualKeyCode": 32, "text": " "})
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": " ", "code": "Space", "windowsVirtualKeyCode": 32})
	b.until("Space opens the choice of a file", "String(window.opened)", "true")
	b.call("Page.setInterceptFileChooserDialog", map[string]any{"enabled": false})

	size(360, 740) // a phone, dark
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}})
	open()
	choose(image)
	b.until("both tasks are shown", shown, want)
	if fits := b.eval("document.documentElement.scrollWidth <= innerWidth"); fits != "true" {
		t.Errorf("the page is wider than a phone: %s of %s", b.eval("document.documentElement.scrollWidth"), b.eval("innerWidth"))
	}
	if c := b.eval("getComputedStyle(document.body).backgroundColor"); c != "rgb(18, 22, 27)" {
		t.Errorf("in dark mode the ground is %s", c)
	}
	b.screenshot("phone-dark.png")
	if foreign := b.eval(`performance.getEntriesByType("resource").filter(e => !e.name.startsWith(location.origin) && !/^(data|blob):/.test(e.name)).length`); foreign != "0" {
		t.Errorf("the page loads %s resources from elsewhere", foreign)
	}
	b.mu.Lock()
	for _, p := range b.problems {
		if !strings.Contains(p, "400 (Bad Request)") { // of the bad file
			t.Errorf("Chromium reports %s", p)
		}
	}
	b.problems = nil
	b.mu.Unlock()
}

// TestPageToken: the page asks for the token that the server wants.
func TestPageToken(t *testing.T) {
	need.Heavy(t, "starts Chromium")
	path := filepath.Join(t.TempDir(), "token")
	expect.NoError(t, os.WriteFile(path, []byte("0123456789abcdef"), 0o600))
	h := start(t, func(c *Config, _ *fake) { c.TokenFile = path })
	b := openBrowser(t)
	b.call("Page.navigate", map[string]any{"url": h.url + "/"})
	b.until("the page is loaded", `document.readyState + location.href`, "complete"+h.url+"/")
	b.eval(`(async () => { const d = new DataTransfer(); const c = document.createElement("canvas"); c.width = c.height = 4;
		d.items.add(new File([await new Promise(r => c.toBlob(r))], "drop.png")); dispatchEvent(new DragEvent("drop", {dataTransfer: d, cancelable: true})); })()`)
	b.until("the page asks for the token", "document.activeElement.id", "token")
	b.screenshot("token.png")
	b.call("Input.insertText", map[string]any{"text": "0123456789abcdef"})
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"})
	b.until("both tasks are shown", `document.querySelectorAll("section").length`, "2")
}
