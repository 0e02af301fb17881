package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"dtl-tf/graph/spell"
)

// failure is an error with the HTTP status of its answer.
type failure struct {
	status int
	err    error
}

// Error implements error.
func (f *failure) Error() string { return f.err.Error() }

// Unwrap returns the error without status.
func (f *failure) Unwrap() error { return f.err }

func failf(status int, format string, args ...any) error {
	return &failure{status, fmt.Errorf(format, args...)}
}

// statusGone is nginx's status for a client that went away before it had its answer. Nobody gets it, the log has it.
const statusGone = 499

var errTimeout = errors.New("the answer took too long")

// retryAfter is the wait in seconds that an answer of 503 asks for. A full queue is computed in about that time.
const retryAfter = 1

// statusOf is the HTTP status of an error.
func statusOf(err error) int {
	var f *failure
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &f):
		return f.status
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errFull), errors.Is(err, errClosed), errors.Is(err, errBudget):
		return http.StatusServiceUnavailable
	case errors.Is(err, errTimeout):
		return http.StatusGatewayTimeout
	case errors.Is(err, context.Canceled):
		return statusGone
	}
	return http.StatusInternalServerError
}

// unknownAdapter is the error for a name that no adapter has, in the words of TensorFlow Serving.
func unknownAdapter(name string) error {
	return failf(http.StatusNotFound, "Servable not found for request: Latest(%.120s)", name)
}

// noAdapter is the error for a name that no adapter has, in words, with the names that there are.
func noAdapter(name string, names []string) error {
	return failf(http.StatusNotFound, "there is no adapter %.120q: %s", name, spell.Few(names, maxNames))
}

// maxNames is the number of adapters that an error names.
const maxNames = 20

// writeError answers with an error in the form of TensorFlow Serving.
func writeError(w http.ResponseWriter, err error) {
	status := statusOf(err)
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	writeJSON(w, status, map[string]string{"error": err.Error()})
}

// writeJSON answers with a value.
func writeJSON(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil { // no value of this package has parts without a JSON form, but the client must not take half of one for an answer
		status, raw = http.StatusInternalServerError, []byte(`{"error":"the answer has no JSON form"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(raw, '\n')) // a client that is gone gets nothing
}
