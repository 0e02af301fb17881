package data

import "sync"

// cache keeps decoded images by index up to a number of bytes. What comes first stays: every epoch
// visits all images, so making room for a new one would only lose another.
type cache struct {
	mu     sync.RWMutex
	images map[int][]uint8
	left   int64 // bytes
}

func newCache(bytes int64) *cache {
	return &cache{images: map[int][]uint8{}, left: bytes}
}

// get returns pixels that nobody may write to, or nil.
func (c *cache) get(index int) []uint8 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.images[index]
}

func (c *cache) put(index int, pix []uint8) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if size := int64(len(pix)); size <= c.left && c.images[index] == nil {
		c.images[index] = pix
		c.left -= size
	}
}
