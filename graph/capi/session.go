package capi

import (
	"errors"
	"fmt"
	"sync"

	tf "github.com/wamuir/graft/tensorflow"
)

// ErrClosed is the error of every call on a session after Close.
var ErrClosed = errors.New("the session is closed")

// Session is a TensorFlow session that is safe for concurrent use, Close included: Close waits for running calls, and later
// calls return ErrClosed.
type Session struct {
	use     sync.RWMutex // read-locked while the C session is in use
	session *tf.Session  // nil once closed
}

// NewSession opens a session on a finished graph.
func NewSession(g *tf.Graph, o *tf.SessionOptions) (*Session, error) {
	if err := CheckGraft(); err != nil {
		return nil, err
	}
	swallowGreetings(o)
	s, err := tf.NewSession(g, o)
	if err != nil {
		return nil, fmt.Errorf("open a TensorFlow session: %w", err)
	}
	return &Session{session: s}, nil
}

// LoadSavedModel reads the SavedModel in a folder and opens a session on it. Closing the session frees the model.
func LoadSavedModel(dir, tag string, o *tf.SessionOptions) (*Session, *tf.SavedModel, error) {
	if err := CheckGraft(); err != nil {
		return nil, nil, err
	}
	swallowGreetings(o)
	m, err := tf.LoadSavedModel(dir, []string{tag}, o)
	if err != nil {
		return nil, nil, err
	}
	return &Session{session: m.Session}, m, nil
}

// Devices lists the devices that TensorFlow sees.
func (s *Session) Devices() ([]tf.Device, error) {
	s.use.RLock()
	defer s.use.RUnlock()
	if s.session == nil {
		return nil, ErrClosed
	}
	return s.session.ListDevices()
}

// Close waits for running calls, then frees the session and its variables. Closing again does nothing.
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
