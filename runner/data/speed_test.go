package data

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dtl-tf/graph/jpeg"
	"dtl-tf/graph/need"
)

// BenchmarkAugmented measures the images a second of the whole loader at 224 pixels: photographs of Caltech-101, of about 300 x 200
// pixels, decoded each time or once. The processor time is that of all threads, which other programs hardly change.
func BenchmarkAugmented(b *testing.B) {
	root := filepath.Dir(need.Shared(b, "vtab-1k", "caltech101", "test.txt"))
	set, err := Open(root)
	if err != nil {
		b.Fatal(err)
	}
	items, err := set.Split(Test)
	if err != nil {
		b.Fatal(err)
	}
	items = items[:min(len(items), 512)]
	decoder, err := jpeg.NewDecoder(2)
	if err != nil {
		b.Fatal(err)
	}
	defer decoder.Close()
	for _, policy := range []string{"none", "flip-crop", "crop,flip", "randaugment", "crop,flip,randaugment", "crop,flip,randaugment,random-erasing=0.25,mixup=0.8,cutmix=1.0"} {
		for name, cache := range map[string]int64{"decoded": -1, "cached": 1 << 30} {
			b.Run(policy+"/"+name, func(b *testing.B) {
				l, err := NewLoader(items, Images{Decoder: decoder, Size: 224}, LoaderOptions{Batch: 32, Augment: policy, CacheBytes: cache})
				if err != nil {
					b.Fatal(err)
				}
				defer l.Close()
				images := 0
				run := func(epoch int) {
					for batch, err := range l.Epoch(context.Background(), epoch) {
						if err != nil {
							b.Fatal(err)
						}
						images += batch.Size()
					}
				}
				if cache > 0 {
					run(1)
				}
				images = 0
				b.ResetTimer()
				before := processorTime(b)
				for i := range b.N {
					run(i + 2)
				}
				b.ReportMetric(float64(images)/b.Elapsed().Seconds(), "images/s")
				b.ReportMetric((processorTime(b)-before).Seconds()*1000/float64(images), "cpu-ms/image")
			})
		}
	}
}

// processorTime is the time that all threads of the process have computed.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
