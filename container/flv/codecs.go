package flv

import (
	"strconv"

	"golive/media"
)

const (
	useH264 = "set the encoder to H.264 (AVC)"
	useAAC  = "set the encoder to AAC"
)

func videoUnsupported(codec string) error {
	return &UnsupportedError{Kind: kindVideo, Codec: codec, Reason: useH264}
}

func audioUnsupported(codec string) error {
	return &UnsupportedError{Kind: kindAudio, Codec: codec, Reason: useAAC}
}

// refuseVideoID returns the error for a legacy CodecID (E.4.3.1) other than AVC and HEVC: an
// *UnsupportedError for a known codec, else a *SyntaxError.
func refuseVideoID(id byte) error {
	switch id {
	case 1:
		return videoUnsupported("JPEG")
	case 2:
		return videoUnsupported("Sorenson H.263")
	case 3:
		return videoUnsupported("Screen Video")
	case 4:
		return videoUnsupported("VP6")
	case 5:
		return videoUnsupported("VP6 with alpha")
	case 6:
		return videoUnsupported("Screen Video 2")
	case 8:
		return videoUnsupported("H.263")
	case 9:
		return videoUnsupported("MPEG-4 Visual")
	case 13: // not in any specification; used before Enhanced RTMP had a FourCC
		return videoUnsupported("AV1")
	}
	return syntax("video tag header", 0, "codec id %d is not known", id)
}

// refuseAudioID returns the error for a legacy SoundFormat (E.4.2.1) other than AAC
// and MP3.
func refuseAudioID(id byte) error {
	switch id {
	case 0, 3:
		return audioUnsupported("PCM")
	case 1:
		return audioUnsupported("ADPCM")
	case 4, 5, 6:
		return audioUnsupported("Nellymoser")
	case 7:
		return audioUnsupported("G.711 A-law")
	case 8:
		return audioUnsupported("G.711 mu-law")
	case 11:
		return audioUnsupported("Speex")
	case 13: // not in any specification; used before Enhanced RTMP had a FourCC
		return audioUnsupported("Opus")
	}
	return syntax("audio tag header", 0, "sound format %d is not known", id)
}

// fourCC is the codec's name in an enhanced header.
type fourCC [4]byte

func (c fourCC) String() string { return strconv.QuoteToASCII(string(c[:])) }

// videoCodec returns the codec of a FourCC. The error for a known one that is not supported is
// an *UnsupportedError.
func videoCodec(c fourCC) (media.Codec, error) {
	switch string(c[:]) {
	case "avc1":
		return media.H264, nil
	case "hvc1":
		return media.HEVC, nil
	case "av01":
		return media.AV1, nil
	case "hev1":
		return 0, videoUnsupported("HEVC of FourCC hev1")
	case "vvc1":
		return 0, videoUnsupported("VVC")
	case "vp08":
		return 0, videoUnsupported("VP8")
	case "vp09":
		return 0, videoUnsupported("VP9")
	}
	return 0, syntax("video tag header", 1, "FourCC %s is not known", c)
}

// audioCodec is videoCodec for audio.
func audioCodec(c fourCC) (media.Codec, error) {
	switch string(c[:]) {
	case "mp4a":
		return media.AAC, nil
	case "Opus":
		return media.Opus, nil
	case ".mp3":
		return media.MP3, nil
	case "fLaC":
		return 0, audioUnsupported("FLAC")
	case "ac-3":
		return 0, audioUnsupported("AC-3")
	case "ec-3":
		return 0, audioUnsupported("E-AC-3")
	}
	return 0, syntax("audio tag header", 1, "FourCC %s is not known", c)
}
