package flv

import "strconv"

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

// refuseVideoID returns the error for a legacy CodecID (E.4.3.1) other than AVC: an
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
	case 12: // not in any specification, but in wide use
		return videoUnsupported("HEVC")
	case 13: // likewise
		return videoUnsupported("AV1")
	}
	return syntax("video tag header", 0, "codec id %d is not known", id)
}

// refuseAudioID returns the error for a legacy SoundFormat (E.4.2.1) other than AAC.
func refuseAudioID(id byte) error {
	switch id {
	case 0, 3:
		return audioUnsupported("PCM")
	case 1:
		return audioUnsupported("ADPCM")
	case 2, 14:
		return audioUnsupported("MP3")
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

// refuseVideoFourCC returns the error for a FourCC other than avc1.
func refuseVideoFourCC(c fourCC) error {
	switch string(c[:]) {
	case "hvc1", "hev1":
		return videoUnsupported("HEVC")
	case "vvc1":
		return videoUnsupported("VVC")
	case "av01":
		return videoUnsupported("AV1")
	case "vp08":
		return videoUnsupported("VP8")
	case "vp09":
		return videoUnsupported("VP9")
	}
	return syntax("video tag header", 1, "FourCC %s is not known", c)
}

// refuseAudioFourCC returns the error for a FourCC other than mp4a.
func refuseAudioFourCC(c fourCC) error {
	switch string(c[:]) {
	case "Opus":
		return audioUnsupported("Opus")
	case "fLaC":
		return audioUnsupported("FLAC")
	case "ac-3":
		return audioUnsupported("AC-3")
	case "ec-3":
		return audioUnsupported("E-AC-3")
	case ".mp3":
		return audioUnsupported("MP3")
	}
	return syntax("audio tag header", 1, "FourCC %s is not known", c)
}
