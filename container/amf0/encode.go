package amf0

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Append appends the encoded values to dst. It accepts the types that Decode returns, and
// int. It panics for any other type and for a name of more than 65535 bytes.
func Append(dst []byte, values ...any) []byte {
	for _, v := range values {
		dst = appendValue(dst, v)
	}
	return dst
}

func appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, markerNull)
	case float64:
		return binary.BigEndian.AppendUint64(append(dst, markerNumber), math.Float64bits(v))
	case int:
		return appendValue(dst, float64(v))
	case bool:
		if v {
			return append(dst, markerBoolean, 1)
		}
		return append(dst, markerBoolean, 0)
	case string:
		if len(v) > math.MaxUint16 {
			dst = binary.BigEndian.AppendUint32(append(dst, markerLongString), uint32(len(v)))
			return append(dst, v...)
		}
		return appendName(append(dst, markerString), v)
	case Object:
		dst = append(dst, markerObject)
		for _, p := range v {
			dst = appendValue(appendName(dst, p.Name), p.Value)
		}
		return append(dst, 0, 0, markerObjectEnd)
	case []any:
		dst = binary.BigEndian.AppendUint32(append(dst, markerStrictArray), uint32(len(v)))
		return Append(dst, v...)
	default:
		panic(fmt.Sprintf("amf0: no encoding for %T", v))
	}
}

func appendName(dst []byte, s string) []byte {
	if len(s) > math.MaxUint16 {
		panic("amf0: name longer than 65535 bytes")
	}
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}
