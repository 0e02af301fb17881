package backbone

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Flat encodes the fields of all parts, in order, as one JSON object. Parts must encode as objects.
func Flat(parts ...any) ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for _, part := range parts {
		raw, err := json.Marshal(part)
		if err != nil {
			return nil, err
		}
		inner, ok := bytes.CutPrefix(raw, []byte("{"))
		if !ok {
			return nil, fmt.Errorf("%T does not encode as an object", part)
		}
		inner = bytes.TrimSuffix(inner, []byte("}"))
		if out.Len() > 1 && len(inner) > 0 {
			out.WriteByte(',')
		}
		out.Write(inner)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}
