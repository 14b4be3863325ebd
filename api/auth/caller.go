package auth

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"golive/rollout"
)

// ErrUnauthorized is wrapped by the errors of credentials that are not valid.
var ErrUnauthorized = errors.New("not authorized")

// ErrForbidden is wrapped by the errors of credentials that are valid, but not for whom the request
// names.
var ErrForbidden = errors.New("forbidden")

// ErrAway is wrapped by the errors of credentials that cannot be checked now.
var ErrAway = errors.New("the keys of tokens cannot be loaded now")

// Caller is who sends a request. The zero Caller is nobody in particular.
type Caller struct {
	// User is the person on whose behalf the request is made. Its ID is empty if a server acts
	// for nobody.
	User rollout.User
	// Server is the id of the API key; empty if the caller is a user.
	Server string
	// Open is true in open mode, in which a user has proved nothing.
	Open bool

	scopes []Scope
}

// Anonymous reports whether the request had no credentials.
func (c Caller) Anonymous() bool { return c.User.ID == "" && c.Server == "" }

// Everyone reports whether the caller is a server that acts for nobody: it may see and change the
// broadcasts of all owners, within its scopes.
func (c Caller) Everyone() bool { return c.Server != "" && c.User.ID == "" }

// Has reports whether the caller has the scope. Users have all.
func (c Caller) Has(s Scope) bool {
	return c.Server == "" && c.User.ID != "" || c.Server != "" && slices.Contains(c.scopes, s)
}

// The headers by which a server says for whom it acts, and what it knows of that user. They are
// believed of API keys and in open mode only; a user who names another one is refused.
const (
	HeaderUser      = "Golive-User"
	HeaderPlatform  = "Golive-Platform"
	HeaderVersion   = "Golive-App-Version"
	HeaderCountry   = "Golive-Country"
	HeaderCreated   = "Golive-Account-Created"
	HeaderFollowers = "Golive-Followers"
)

// attributes adds what the headers say of the user. What cannot be read is not known.
func attributes(u *rollout.User, h http.Header) {
	u.Platform, u.AppVersion, u.Country = h.Get(HeaderPlatform), h.Get(HeaderVersion), h.Get(HeaderCountry)
	if text := h.Get(HeaderCreated); text != "" {
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			u.Created = t
		}
	}
	if text := h.Get(HeaderFollowers); text != "" {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			u.Followers = n
		}
	}
}

// maxUserID bounds the id of a user, in bytes.
const maxUserID = 256

// isUserID reports whether text can be the id of a user.
func isUserID(text string) bool {
	if text == "" || len(text) > maxUserID || !utf8.ValidString(text) {
		return false
	}
	for _, r := range text {
		if isControl(r) {
			return false
		}
	}
	return true
}

func isControl(r rune) bool { return !unicode.IsPrint(r) }

// actsFor returns an error if the headers name somebody else than the user who sends them.
func actsFor(u rollout.User, h http.Header) error {
	for _, name := range h.Values(HeaderUser) {
		if name != u.ID {
			return fmt.Errorf("%w: only an API key can act for another user with %s", ErrForbidden, HeaderUser)
		}
	}
	return nil
}
