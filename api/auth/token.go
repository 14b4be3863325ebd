package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"golive/rollout"
)

// leeway is how far the clocks of the app and of this server may differ.
const leeway = 30 * time.Second

// maxToken bounds a token, in bytes.
const maxToken = 8 << 10

// tokens checks the tokens of users.
type tokens struct {
	parser *jwt.Parser
	claim  string
	secret []byte  // of HS256; nil if there is a key set
	set    *keySet // of RS256 and ES256; nil if there is a secret
}

func newTokens(c JWTConfig, log *slog.Logger) (*tokens, error) {
	t := &tokens{claim: c.UserClaim}
	// The algorithm follows from the configuration, never from the token: RFC 8725 section 3.1.
	methods := []string{"RS256", "ES256"}
	if !c.Secret.Empty() {
		if len(c.Secret.Reveal()) < minSecret {
			return nil, fmt.Errorf("api.jwt.secret must have at least %d bytes", minSecret)
		}
		methods, t.secret = []string{"HS256"}, []byte(c.Secret.Reveal())
	} else {
		set, err := newKeySet(c, log)
		if err != nil {
			return nil, err
		}
		t.set = set
	}
	options := []jwt.ParserOption{jwt.WithValidMethods(methods), jwt.WithLeeway(leeway), jwt.WithExpirationRequired(), jwt.WithIssuedAt()}
	if c.Issuer != "" {
		options = append(options, jwt.WithIssuer(c.Issuer))
	}
	if c.Audience != "" {
		options = append(options, jwt.WithAudience(c.Audience))
	}
	t.parser = jwt.NewParser(options...)
	return t, nil
}

// user returns the user that the token names.
func (t *tokens) user(ctx context.Context, text string) (rollout.User, error) {
	if len(text) > maxToken {
		return rollout.User{}, fmt.Errorf("%w: the token has more than %d bytes", ErrUnauthorized, maxToken)
	}
	claims := jwt.MapClaims{}
	_, err := t.parser.ParseWithClaims(text, claims, func(token *jwt.Token) (any, error) {
		if t.set == nil {
			return t.secret, nil
		}
		return t.set.key(ctx, token)
	})
	switch {
	case errors.Is(err, ErrAway):
		return rollout.User{}, ErrAway
	case err != nil:
		return rollout.User{}, fmt.Errorf("%w: %s", ErrUnauthorized, reasonOf(err))
	}
	id := textOf(claims[t.claim])
	if !isUserID(id) {
		return rollout.User{}, fmt.Errorf("%w: the claim %q must be a user's id of 1 to %d bytes, without control characters", ErrUnauthorized, t.claim, maxUserID)
	}
	return rollout.User{
		ID: id, Platform: textOf(claims["platform"]), AppVersion: textOf(claims["app_version"]), Country: textOf(claims["country"]),
		Created: instant(claims["account_created"]), Followers: number(claims["followers"]),
	}, nil
}

// reasonOf returns what is wrong with a token, without the parts of it that the library quotes.
func reasonOf(err error) string {
	for _, r := range []struct {
		err  error
		text string
	}{
		{jwt.ErrTokenExpired, "the token has expired"},
		{jwt.ErrTokenNotValidYet, "the token is not valid yet"},
		{jwt.ErrTokenUsedBeforeIssued, "the token is from the future: compare the clocks"},
		{jwt.ErrTokenInvalidIssuer, "the token has another issuer (iss)"},
		{jwt.ErrTokenInvalidAudience, "the token is for another audience (aud)"},
		{jwt.ErrTokenRequiredClaimMissing, "the token lacks a claim: exp is needed, and iss and aud if they are configured"},
		{errUnknownKey, "the token's key (kid) is not in the key set"},
		{jwt.ErrTokenSignatureInvalid, "the token's signature or algorithm is not valid here"},
		{jwt.ErrTokenMalformed, "the token is malformed"},
	} {
		if errors.Is(err, r.err) {
			return r.text
		}
	}
	return "the token is not valid"
}

// textOf returns a claim that is text or a whole number, as text; else "".
func textOf(claim any) string {
	switch v := claim.(type) {
	case string:
		return v
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	return ""
}

// instant returns a claim that is a time: seconds since 1970, or RFC 3339.
func instant(claim any) time.Time {
	switch v := claim.(type) {
	case string:
		t, err := time.Parse(time.RFC3339, v)
		if err == nil {
			return t
		}
	case float64:
		if v > 0 && v < 1<<40 {
			return time.Unix(int64(v), 0)
		}
	}
	return time.Time{}
}

// number returns a claim that is a whole number; else 0.
func number(claim any) int64 {
	if v, ok := claim.(float64); ok && v >= 0 && v < 1<<53 {
		return int64(v)
	}
	return 0
}
