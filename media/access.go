package media

// Access is the kind of a random access point: how decoding can start at a key picture.
type Access uint8

const (
	// AccessClosed is an IDR picture, or any audio frame: no later unit refers to an
	// earlier one.
	AccessClosed Access = iota
	// AccessOpen is an intra picture that is not an IDR picture (an open GOP), such as a CRA
	// picture of HEVC. It and the pictures presented after it decode correctly; pictures that
	// follow it in decoding order and are presented before it may refer to earlier ones.
	AccessOpen
	// AccessGradual is a recovery point that needs some pictures until decoding is
	// correct (periodic intra refresh). None of them can be decoded on its own.
	AccessGradual
)
