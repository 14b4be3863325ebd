package publisher

import (
	"errors"
	"fmt"
)

// RefusedError reports that the server refused or ended the stream with onStatus or _error.
type RefusedError struct {
	// Code is the status code: "NetStream.Publish.BadName".
	Code string
	// Description is the server's description; may be empty.
	Description string
}

// Error returns the code and the description.
func (e *RefusedError) Error() string {
	if e.Description == "" {
		return "publisher: the server refused: " + e.Code
	}
	return fmt.Sprintf("publisher: the server refused: %s: %s", e.Code, e.Description)
}

// ErrEmptySource is returned for a source without audio and video.
var ErrEmptySource = errors.New("publisher: the source has no audio and no video")
