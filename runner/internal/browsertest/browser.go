// Package browsertest drives a headless Chromium, for tests of pages.
package browsertest

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
)

// Browser is a headless Chromium that is driven through its DevTools protocol, over pipes: messages of JSON that end with a zero byte.
type Browser struct {
	t       *testing.T
	write   *os.File
	session string

	mu       sync.Mutex
	next     int
	replies  map[int]chan json.RawMessage
	problems []string // errors of scripts, refused resources
}

// Open starts Chromium, or skips the test.
func Open(t *testing.T) *Browser {
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
	b := &Browser{t: t, write: write, replies: map[int]chan json.RawMessage{}}
	t.Cleanup(func() {
		b.Call("Browser.close", nil)
		write.Close()
		_ = command.Wait()
	})
	go b.listen(bufio.NewReaderSize(read, 1<<20))
	var target struct{ TargetID string }
	b.Get("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.Get("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "DOM"} {
		b.Call(domain+".enable", nil)
	}
	return b
}

func (b *Browser) listen(r *bufio.Reader) {
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

// Call calls a method of the protocol and returns its result.
func (b *Browser) Call(method string, parameters map[string]any) json.RawMessage {
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

// Get is Call with a result that is decoded.
func (b *Browser) Get(method string, parameters map[string]any, into any) {
	b.t.Helper()
	expect.NoError(b.t, json.Unmarshal(b.Call(method, parameters), into))
}

// Eval is the value of a JavaScript expression.
func (b *Browser) Eval(expression string) string {
	b.t.Helper()
	var r struct{ Result struct{ Value any } }
	b.Get("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &r)
	return fmt.Sprint(r.Result.Value)
}

// Until waits until an expression has a value. what says that, for the failure.
func (b *Browser) Until(what, expression, want string) {
	b.t.Helper()
	for end := time.Now().Add(20 * time.Second); b.Eval(expression) != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("it did not happen that %s", what)
		}
	}
}

// Key presses and releases a key.
func (b *Browser) Key(name string, code int) {
	for _, kind := range []string{"rawKeyDown", "keyUp"} {
		b.Call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code})
	}
}

// Screenshot writes what the Browser shows. DTL_TF_SCREENSHOTS names a folder to keep it in.
func (b *Browser) Screenshot(name string) {
	b.t.Helper()
	var r struct{ Data string }
	b.Get("Page.captureScreenshot", map[string]any{"format": "png"}, &r)
	raw, err := base64.StdEncoding.DecodeString(r.Data)
	expect.NoError(b.t, err)
	if folder := os.Getenv("DTL_TF_SCREENSHOTS"); folder != "" {
		expect.NoError(b.t, os.WriteFile(filepath.Join(folder, name), raw, 0o666))
	}
}

// Problems returns errors of scripts and refused resources so far, and forgets them.
func (b *Browser) Problems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.problems
	b.problems = nil
	return list
}

// Size makes the window of a desktop, or of a phone below 600 pixels, in the light or the dark scheme.
func (b *Browser) Size(width, height int, scheme string) {
	b.t.Helper()
	b.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
	b.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}})
}

// Go opens an address and waits for the page.
func (b *Browser) Go(url string) {
	b.t.Helper()
	b.Call("Page.navigate", map[string]any{"url": url})
	b.Until("the page is loaded", `document.readyState + location.href`, "complete"+url)
}
