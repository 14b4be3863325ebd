package ingest

import "golive/container/amf0"

const (
	// maxMetadata is the longest script data that is read, in bytes.
	maxMetadata = 64 << 10
	// maxMetadataValues bounds its values that are read: onMetaData has about 30.
	maxMetadataValues = 500
)

// Data reads the encoder's name and what it declares in the body of a script data tag, whose name
// is onMetaData. The frame rate determines how long to wait for a picture. The rest is taken from
// the media. Other data is skipped and counted.
func (w *TagWriter) Data(body []byte) {
	s := w.session
	if len(body) > maxMetadata {
		s.Skip(SkipData)
		return
	}
	name, rest := amf0.CutName(body)
	if name == "@setDataFrame" {
		name, rest = amf0.CutName(rest)
	}
	if name != "onMetaData" {
		s.Skip(SkipData)
		return
	}
	values, _ := amf0.DecodeMax(rest, maxMetadataValues)
	if len(values) == 0 {
		s.Skip(SkipData)
		return
	}
	if meta, ok := values[0].(amf0.Object); ok {
		s.SetEncoder(meta.String("encoder"))
		if rate, ok := meta.Get("framerate").(float64); ok {
			s.SetFrameRate(rate)
		}
		if rate, ok := meta.Get("videodatarate").(float64); ok {
			s.SetVideoBitRate(1000 * rate)
		}
	}
}
