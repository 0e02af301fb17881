package serve

import (
	"errors"
	"io"
	"sync"
)

// budget bounds the bytes of all request bodies that are in memory at a time.
type budget struct {
	mu   sync.Mutex
	free int64
}

func (b *budget) take(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.free < n {
		return false
	}
	b.free -= n
	return true
}

func (b *budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
}

var errBudget = errors.New("the bodies of the current requests fill the memory set aside for them: try again later")

// charged takes the bytes that are read through it from a budget, in steps, so a body pays for what it sent and not for what it
// announced.
type charged struct {
	io.Reader
	budget *budget
	paid   int64
	read   int64
}

const chargeStep = 64 << 10

func (c *charged) Read(p []byte) (int, error) {
	if c.read == c.paid {
		if !c.budget.take(chargeStep) {
			return 0, errBudget
		}
		c.paid += chargeStep
	}
	n, err := c.Reader.Read(p[:min(int64(len(p)), c.paid-c.read)])
	c.read += int64(n)
	return n, err
}

// release gives everything back.
func (c *charged) release() {
	c.budget.give(c.paid)
	c.paid, c.read = 0, 0
}
