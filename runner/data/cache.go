package data

import "sync"

// cache holds decoded images by index, up to a number of bytes. It evicts nothing: every epoch visits all images, so an evicted
// one would be needed again.
type cache struct {
	mu     sync.RWMutex
	images map[int][]uint8
	free   int64 // bytes
}

func newCache(bytes int64) *cache {
	return &cache{images: map[int][]uint8{}, free: bytes}
}

// get returns pixels, to be read only, or nil.
func (c *cache) get(index int) []uint8 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.images[index]
}

func (c *cache) put(index int, pix []uint8) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if size := int64(len(pix)); size <= c.free && c.images[index] == nil {
		c.images[index] = pix
		c.free -= size
	}
}
