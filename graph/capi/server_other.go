//go:build !linux

package capi

import (
	"errors"
	"net/netip"
)

// Server is a TensorFlow server, which needs Linux.
type Server struct{ Target string }

// NewServer returns an error.
func NewServer([]byte, netip.Addr) (*Server, error) {
	return nil, errors.New("a server that listens on one address needs Linux")
}
