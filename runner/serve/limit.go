package serve

import (
	"errors"
	"io"
	"net"
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

// limited is a listener with a limit on open connections: further ones wait in the system's backlog.
type limited struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func limitConnections(l net.Listener, n int) net.Listener {
	return &limited{Listener: l, slots: make(chan struct{}, n), closed: make(chan struct{})}
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &slot{Conn: c, free: sync.OnceFunc(func() { <-l.slots })}, nil
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// slot is a connection that frees its place when it is closed.
type slot struct {
	net.Conn
	free func()
}

func (s *slot) Close() error {
	err := s.Conn.Close()
	s.free()
	return err
}
