package serve

import (
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"sync"
)

// limited is a listener with a limit on open connections: further ones wait in the system's backlog. Once the limit is reached, a
// connection that waits takes the place of the one that has been idle for the longest time, so clients that keep connections open without
// using them do not shut others out.
type limited struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once

	mu      sync.Mutex
	idle    []*slot // the longest first
	waiting bool    // Accept waits for a slot
}

func limitConnections(l net.Listener, n int) *limited {
	return &limited{Listener: l, slots: make(chan struct{}, n), closed: make(chan struct{})}
}

func (l *limited) Accept() (net.Conn, error) {
	if err := l.take(); err != nil {
		return nil, err
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &slot{Conn: c, free: sync.OnceFunc(func() { <-l.slots })}, nil
}

// take waits for a slot.
func (l *limited) take() error {
	select {
	case l.slots <- struct{}{}:
		return nil
	default:
	}
	l.setWaiting(true)
	defer l.setWaiting(false)
	select {
	case l.slots <- struct{}{}:
		return nil
	case <-l.closed:
		return net.ErrClosed
	}
}

// setWaiting says whether Accept waits, and closes an idle connection if it begins to.
func (l *limited) setWaiting(waiting bool) {
	l.mu.Lock()
	l.waiting = waiting
	var oldest *slot
	if waiting && len(l.idle) > 0 {
		oldest, l.idle = l.idle[0], l.idle[1:]
	}
	l.mu.Unlock()
	if oldest != nil {
		oldest.Close()
	}
}

// state is the hook of an http.Server on the listener.
func (l *limited) state(c net.Conn, state http.ConnState) {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	s, ok := c.(*slot)
	if !ok {
		return
	}
	l.mu.Lock()
	l.idle = slices.DeleteFunc(l.idle, func(other *slot) bool { return other == s })
	evict := state == http.StateIdle && l.waiting
	if state == http.StateIdle && !evict {
		l.idle = append(l.idle, s)
	}
	l.mu.Unlock()
	if evict {
		s.Close()
	}
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
