package chunk

import "encoding/binary"

// Append appends m to dst, split into chunks of size bytes: the first with a header of type
// 0, the others of type 3. The chunk stream's id must be from 2 to 63.
func Append(dst []byte, m Message, size int) []byte {
	if m.ChunkStream < 2 || m.ChunkStream > 63 || size < 1 || len(m.Body) > maxChunkSize {
		panic("chunk: message cannot be written")
	}
	time := min(m.Timestamp, extendedTimestamp)
	dst = append(dst, byte(m.ChunkStream),
		byte(time>>16), byte(time>>8), byte(time),
		byte(len(m.Body)>>16), byte(len(m.Body)>>8), byte(len(m.Body)),
		m.Type)
	dst = binary.LittleEndian.AppendUint32(dst, m.Stream)
	body := m.Body
	for first := true; ; first = false {
		if !first {
			dst = append(dst, 3<<6|byte(m.ChunkStream))
		}
		if time == extendedTimestamp {
			dst = binary.BigEndian.AppendUint32(dst, m.Timestamp)
		}
		n := min(len(body), size)
		dst = append(dst, body[:n]...)
		if body = body[n:]; len(body) == 0 {
			return dst
		}
	}
}
