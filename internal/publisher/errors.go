package publisher

import (
	"errors"
	"fmt"
)

// RefusedError says that the server refused to take the stream, or stopped
// taking it, in the words of RTMP's onStatus or _error.
type RefusedError struct {
	// Code is the status code: "NetStream.Publish.BadName".
	Code string
	// Description is what the server says of it; may be empty.
	Description string
}

// Error gives the server's words.
func (e *RefusedError) Error() string {
	if e.Description == "" {
		return "publisher: the server refused: " + e.Code
	}
	return fmt.Sprintf("publisher: the server refused: %s: %s", e.Code, e.Description)
}

// ErrEmptySource says that the source has no audio and no video.
var ErrEmptySource = errors.New("publisher: the source has no audio and no video")
