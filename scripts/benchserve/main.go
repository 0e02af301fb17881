// Command benchserve measures dtl-tf serve: it makes a random backbone with adapters of DTL, or sends images from several clients to a
// server on this machine and prints images per second and the quantiles of the requests' times.
//
//	benchserve -make DIR -architecture vit_b16 -adapters 20
//	benchserve -session -architecture vit_b16 -requests 200 -threads 2
//	benchserve -url http://127.0.0.1:8501/v1/predict?adapter=a0 -clients 8 -requests 200 images/*.jpg
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"dtl-tf/dtl"
	"dtl-tf/graph/backbone"
	_ "dtl-tf/graph/backbone/all"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

const classes = 100

func main() {
	folder := flag.String("make", "", "folder to write backbone.npz and adapters a0, a1, ... to")
	architecture := flag.String("architecture", "vit_b16", "of the backbone")
	adapters := flag.Int("adapters", 20, "number of adapters")
	url := flag.String("url", "http://127.0.0.1:8501/v1/predict", "where to send images")
	clients := flag.Int("clients", 1, "clients at a time")
	requests := flag.Int("requests", 100, "requests of all clients together")
	bare := flag.Bool("session", false, "time the computation alone: one image at a time, without a server")
	threads := flag.Int("threads", 2, "of the session")
	flag.Parse()
	var err error
	switch {
	case *folder != "":
		err = write(*folder, *architecture, *adapters)
	case *bare:
		err = session(*architecture, *requests, *threads)
	default:
		err = measure(*url, *clients, *requests, flag.Args())
	}
	if err != nil {
		log.Fatal(err)
	}
}

func write(folder, architecture string, adapters int) error {
	arch, err := backbone.Parse(architecture)
	if err != nil {
		return err
	}
	bb, err := backbone.Random(arch, 1)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := weight.WriteNPZ(&b, bb.Weights); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "backbone.npz"), b.Bytes(), 0o666); err != nil {
		return err
	}
	method, _, err := dtl.NewMethod("dtl", nil, arch)
	if err != nil {
		return err
	}
	for i := range adapters {
		tensors, err := adapter(arch, method, i)
		if err != nil {
			return err
		}
		b.Reset()
		if err := weight.WriteSafetensors(&b, tensors, nil); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("a%d.safetensors", i)), b.Bytes(), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// adapter draws the adapter with a number.
func adapter(arch backbone.Architecture, method dtl.Method, number int) (tensor.Map, error) {
	model, err := dtl.New(dtl.Config{Arch: arch, Std: [3]float64{1, 1, 1}, Method: method, Pool: backbone.PoolMean, Classes: classes})
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(uint64(number), 0))
	tensors := tensor.Map{}
	for name, shape := range model.AdapterShapes() {
		t := tensor.Zeros(shape...)
		for k := range t.Float32() {
			t.Float32()[k] = float32(0.02 * random.NormFloat64())
		}
		tensors[name] = t
	}
	return tensors, nil
}

func measure(url string, clients, requests int, paths []string) error {
	var images [][]byte
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		images = append(images, content)
	}
	if len(images) == 0 {
		return errors.New("name images")
	}
	times := make([]time.Duration, requests)
	var next atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, clients)
	begun := time.Now()
	for range clients {
		all.Add(1)
		go func() {
			defer all.Done()
			for {
				i := int(next.Add(1)) - 1
				if i >= requests {
					return
				}
				sent := time.Now()
				a, err := http.Post(url, "application/octet-stream", bytes.NewReader(images[i%len(images)]))
				if err == nil {
					_, err = io.Copy(io.Discard, a.Body)
					a.Body.Close()
				}
				if err == nil && a.StatusCode != http.StatusOK {
					err = fmt.Errorf("status %d", a.StatusCode)
				}
				if err != nil {
					failed <- err
					return
				}
				times[i] = time.Since(sent)
			}
		}()
	}
	all.Wait()
	took := time.Since(begun)
	select {
	case err := <-failed:
		return err
	default:
	}
	fmt.Printf("%d clients, %d requests: %.2f images/s, %s\n", clients, requests, float64(requests)/took.Seconds(), quantiles(times))
	return nil
}

func quantiles(times []time.Duration) string {
	slices.Sort(times)
	at := func(q float64) time.Duration { return times[int(q*float64(len(times)-1))].Round(time.Microsecond) }
	return fmt.Sprintf("p50 %v, p99 %v", at(0.5), at(0.99))
}
