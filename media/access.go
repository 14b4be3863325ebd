package media

// Access is how decoding starts at a key picture.
type Access uint8

const (
	// AccessClosed is the access of an IDR picture, and of audio: nothing from there
	// on refers to what came before.
	AccessClosed Access = iota
	// AccessOpen is that of an intra picture which is no IDR picture (an open GOP).
	// What is shown from it on is right; pictures that follow it and are shown before
	// it may refer to earlier ones.
	AccessOpen
	// AccessGradual is that of a recovery point which takes some pictures to be right
	// (periodic intra refresh). No picture there can be decoded on its own.
	AccessGradual
)
