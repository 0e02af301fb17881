package capi

import (
	"errors"
	"fmt"
	"sync"

	tf "github.com/wamuir/graft/tensorflow"
)

// ErrClosed is the error of whatever is asked of a session after Close.
var ErrClosed = errors.New("the session is closed")

// Session is a TensorFlow session that several goroutines may use, and any of them may close. Close waits for what
// runs; what comes later is ErrClosed.
type Session struct {
	use     sync.RWMutex // held for reading while the C session is in use
	session *tf.Session  // nil once it is closed
}

// NewSession opens a session on a finished graph.
func NewSession(g *tf.Graph, o *tf.SessionOptions) (*Session, error) {
	s, err := tf.NewSession(g, o)
	if err != nil {
		return nil, fmt.Errorf("open a TensorFlow session: %w", err)
	}
	return Own(s), nil
}

// Own takes over a session that graft opened. Only the Session may close it from then on.
func Own(s *tf.Session) *Session { return &Session{session: s} }

// Devices lists the devices TensorFlow sees.
func (s *Session) Devices() ([]tf.Device, error) {
	s.use.RLock()
	defer s.use.RUnlock()
	if s.session == nil {
		return nil, ErrClosed
	}
	return s.session.ListDevices()
}

// Close waits for runs, then frees the session and the variables in it. Closing again does nothing.
func (s *Session) Close() error {
	s.use.Lock()
	defer s.use.Unlock()
	if s.session == nil {
		return nil
	}
	err := s.session.Close()
	s.session = nil
	return err
}
