package serve

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dtl-tf/graph/expect"
)

// TestBadInput: each bad request gets its status and a reason, and the server goes on.
func TestBadInput(t *testing.T) {
	h := start(t, func(c *Config, _ *fake) { c.MaxBody, c.MaxImages = 1, 8 })
	bomb := grey(1) // a PNG header that claims 60,000 x 60,000 pixels
	binary.BigEndian.PutUint32(bomb[16:], 60000)
	binary.BigEndian.PutUint32(bomb[20:], 60000)
	binary.BigEndian.PutUint32(bomb[29:], crc32.ChecksumIEEE(bomb[12:29]))
	predict, classify, all := h.url+"/v1/models/cats:predict", h.url+"/v1/models/cats:classify", h.url+"/v1/predict"
	many := strings.Repeat(b64([]byte("x"))+",", 9999) + b64([]byte("x"))
	for _, c := range []struct {
		url, kind, body string
		status          int
		want            string
	}{
		{predict, "", "", 400, "JSON Parse error: The document is empty"},
		{predict, "", "{", 400, "JSON Parse error"},
		{predict, "", "[]", 400, "JSON Parse error"},
		{predict, "", strings.Repeat("[", 100000), 400, "JSON Parse error"},
		{predict, "", "{}", 400, "Missing 'inputs' or 'instances' key"},
		{predict, "", `{"instances":[],"inputs":[]}`, 400, "only one of 'inputs' or 'instances'"},
		{predict, "", `{"instances":[]}`, 400, "No values in 'instances' array"},
		{predict, "", `{"inputs":[]}`, 400, "No values in 'inputs'"},
		{predict, "", `{"instances":5}`, 400, "Expecting 'instances' to be a list/array"},
		{predict, "", `{"instances":[[1,2,3]]}`, 400, `instance 0: want an image file as {"b64": "BASE64"}, not [1,2,3]`},
		{predict, "", `{"instances":["cat.jpg"]}`, 400, "want an image file as"},
		{predict, "", `{"instances":[null]}`, 400, "want an image file as"},
		{predict, "", `{"instances":[{"b64":7}]}`, 400, `the value of "b64" is not a string`},
		{predict, "", `{"instances":[{"b64":"A","more":1}]}`, 400, `the key "b64" alone`},
		{predict, "", `{"instances":[{"b64":"@@@"}]}`, 400, "Unable to base64 decode"},
		{predict, "", `{"instances":[{"b64":"A"}]}`, 400, "Unable to base64 decode"},
		{predict, "", `{"instances":[` + b64(grey(1)) + `,` + b64([]byte("<html>")) + `]}`, 400, "image 1: not an image in a known format"},
		{predict, "", `{"instances":[` + b64(nil) + `]}`, 400, "the file is empty"},
		{predict, "", `{"instances":[` + b64(bomb) + `]}`, 400, "60000 x 60000 pixels, more than the limit of 50000000"},
		{predict, "", `{"instances":[` + many + `]}`, 413, "9 images or more, the limit is 8"},
		{predict, "", `{"inputs":[` + many + `]}`, 413, "the limit is 8"},
		{predict, "", `{"signature_name":"other","instances":[` + b64(grey(1)) + `]}`, 400, `Serving signature key "other" not found`},
		{predict, "", strings.Repeat(" ", 1<<20+1), 413, "more than the limit of 1048576"},
		{classify, "", `{}`, 400, "key 'examples' is expected"},
		{classify, "", `{"examples":[{}]}`, 400, "example 0: want one feature"},
		{classify, "", `{"examples":[{"a":1,"b":1}]}`, 400, "example 0: want one feature"},
		{classify, "", `{"examples":[1` + strings.Repeat(",1", 9999) + `]}`, 413, "9 images or more, the limit is 8"},
		{classify, "", `{"examples":[]}`, 400, "key 'examples' is expected"},
		{classify, "", `{"examples":{}}`, 400, "want a list/array, not {}"},
		{predict, "", `{"instances":[` + strings.Repeat(`{"image_bytes":`, 9000) + "1" + strings.Repeat("}", 9000) + `]}`, 400, `instance 0: want an object with the key "b64" alone`},
		{classify, "", `{"examples":[{"image":` + b64(grey(1)) + `}],"context":{"a":1}}`, 400, "'context' has features"},
		{all, "", "", 400, "the body is empty"},
		{all + "?adapter=cat", "image/png", string(grey(1)), 404, `there is no adapter "cat": cats`},
		{all, "application/x-www-form-urlencoded", "\xff\xd8\xff" + strings.Repeat("x", 300), 400, "curl's -d sends a file without its line breaks"},
		{all, "image/png", string(bomb), 400, "60000 x 60000 pixels"},
		{all, "image/png", string(grey(1)[:40]), 400, "PNG image"},
		{all, "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\nhalf", 400, "the body can't be read"},
		{all, "multipart/form-data", "", 400, "the body can't be read"},
		{all, "multipart/form-data; boundary=x", "--x--\r\n", 400, "the form has no file"},
		{all, "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"size\"\r\n\r\n5\r\n--x--\r\n", 400, `field "size" is neither`},
		{all + "?adapter=none", "", string(grey(1)), 404, "there is no adapter \"none\": cats, tiles"},
		{all + "?adapter=cats&adapter=cats", "", string(grey(1)), 400, "names the adapter cats twice"},
		{h.url + "/v2/models", "", "", 404, "Malformed request: POST /v2/models"},
		{h.url + "/v1/models/", "", "", 404, "Malformed request"},
	} {
		a := h.send("POST", c.url, c.kind, c.body)
		a.wants(t, c.status, c.want)
		if t.Failed() {
			t.Fatalf("%s with %.80q", c.url, c.body)
		}
	}
	h.send("POST", predict, "", "x", "Content-Encoding", "gzip").wants(t, 415, "gzip")
	h.send("GET", all, "", "").wants(t, 405, "use POST")
	if a, err := send("POST", predict, "", endless{}); err == nil { // net/http may close the connection before the client reads
		a.wants(t, 413, "the body has more bytes than the limit of 1048576")
	}
	if v := h.logit("cats", 7); v != 107 {
		t.Errorf("after all this, logit %v, want 107", v)
	}
}

// endless is a body without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestPredictAll: one request gives every adapter's answer for every image, or those of the chosen ones, as a raw image and as a form.
func TestPredictAll(t *testing.T) {
	h := start(t, nil)
	type answer struct {
		Image, Adapter, Class string
		Label                 int
		Probability           float64
		Logits                []float32
		Top                   []struct {
			Label       int
			Class       string
			Probability float64
		}
	}
	get := func(url, kind, body string) (list []answer) {
		t.Helper()
		a := h.send("POST", url, kind, body)
		var got struct {
			Predictions  []answer
			Milliseconds map[string]float64
			Batch        int
		}
		expect.NoError(t, json.Unmarshal([]byte(a.body), &got))
		if len(got.Milliseconds) != 4 || got.Milliseconds["total"] <= 0 || got.Batch < 1 {
			t.Errorf("%s", a.body)
		}
		return got.Predictions
	}
	list := get(h.url+"/v1/predict", "image/png", string(grey(5)))
	if len(list) != 2 || list[0].Adapter != "cats" || list[1].Adapter != "tiles" || list[0].Logits[2] != 105.25 || list[0].Class != "cobalt" ||
		list[0].Label != 2 || len(list[0].Top) != 3 || list[0].Top[0].Class != "cobalt" || list[0].Top[2].Label != 0 || list[0].Top[0].Probability != list[0].Probability {
		t.Errorf("%+v", list)
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for i, name := range []string{"one.png", "two.png"} {
		part, err := w.CreateFormFile("image", name)
		expect.NoError(t, err)
		_, err = part.Write(grey(uint8(i)))
		expect.NoError(t, err)
	}
	expect.NoError(t, w.WriteField("adapter", "tiles"))
	expect.NoError(t, w.Close())
	list = get(h.url+"/v1/predict", w.FormDataContentType(), form.String())
	if len(list) != 2 || list[0].Image != "one.png" || list[1].Image != "two.png" || list[1].Adapter != "tiles" || list[1].Logits[0] != 201 {
		t.Errorf("%+v", list)
	}
}

// TestSlowClients: clients that send half a request, or a byte now and then, are cut off and do not keep others from being served.
func TestSlowClients(t *testing.T) {
	h := start(t, func(c *Config, _ *fake) { c.ReadTimeout = 300 * time.Millisecond; c.MaxConnections = 40 })
	address := strings.TrimPrefix(h.url, "http://")
	var all sync.WaitGroup
	for i, begin := range []string{
		"", "POST /v1/pred", "POST /v1/predict HTTP/1.1\r\nHost: x\r\nX: ",
		"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc",
		"POST /v1/models/cats:predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\nab",
	} {
		for range 5 {
			c, err := net.Dial("tcp", address)
			expect.NoError(t, err)
			all.Add(1)
			go func() {
				defer all.Done()
				defer c.Close()
				stop := time.Now().Add(20 * time.Second)
				_ = c.SetReadDeadline(stop)
				_, _ = c.Write([]byte(begin))
				go func() { // a byte now and then
					for time.Now().Before(stop) {
						if _, err := c.Write([]byte("a")); err != nil {
							return
						}
						time.Sleep(50 * time.Millisecond)
					}
				}()
				raw, err := io.ReadAll(c)
				if ne, ok := err.(net.Error); ok && ne.Timeout() {
					t.Errorf("client %d was not cut off", i)
				}
				if i >= 3 && !bytes.Contains(raw, []byte("took too long to arrive")) && err == nil {
					t.Errorf("client %d got %q, %v", i, raw, err)
				}
			}()
		}
	}
	if v := h.logit("cats", 7); v != 107 {
		t.Errorf("beside slow clients: logit %v", v)
	}
	all.Wait()
	// A client that closes in the middle.
	for range 5 {
		c, err := net.Dial("tcp", address)
		expect.NoError(t, err)
		fmt.Fprint(c, "POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
		c.Close()
	}
	if v := h.logit("tiles", 7); v != 207 {
		t.Errorf("after slow clients: logit %v", v)
	}
}

// TestIdleConnections: idle clients that hold all connections do not shut others out.
func TestIdleConnections(t *testing.T) {
	h := start(t, func(c *Config, _ *fake) { c.MaxConnections = 4 })
	fronts, err := h.listen(nil)
	expect.NoError(t, err)
	f := fronts[0]
	go func() { _ = f.server.Serve(f.listener) }()
	defer f.server.Close()
	url := "http://" + f.listener.Addr().String() + "/healthz"
	for i := range 40 {
		c := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second} // each client keeps its own connection open
		defer c.CloseIdleConnections()
		a, err := c.Get(url)
		if err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
		_, _ = io.Copy(io.Discard, a.Body)
		a.Body.Close()
	}
}
