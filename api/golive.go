package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"golive/api/auth"
	"golive/rollout"
)

type goliveOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         Golive
}

// Golive tells whether a user may go live.
type Golive struct {
	Allowed     bool    `json:"allowed" doc:"Whether the user may go live."`
	Reason      string  `json:"reason" doc:"Why, in a sentence for developers."`
	ReasonCode  string  `json:"reason_code" doc:"Why, in OpenFeature's words." example:"SPLIT"`
	Variant     string  `json:"variant" enum:"on,off" doc:"The answer as the value of a feature flag."`
	FallbackURL *string `json:"fallback_url" doc:"Where the app may send a user who may not; null if there is none."`
}

func (a *API) registerGolive(h huma.API) {
	op := huma.Operation{
		OperationID: "may-go-live",
		Method:      http.MethodGet,
		Path:        "/v1/golive",
		Summary:     "Whether the user may go live, and why",
		Description: "Servers name the user with the header Golive-User, and tell what they know of that user with further headers.",
		Parameters:  attributeParameters(),
		Errors:      []int{http.StatusBadRequest},
	}
	huma.Register(h, identified(op, true), func(ctx context.Context, _ *struct{}) (*goliveOutput, error) {
		c, err := require(ctx, auth.ReadGolive)
		if err != nil {
			return nil, err
		}
		if c.User.ID == "" {
			return nil, errNoUser()
		}
		d := a.decide(ctx, c.User)
		out := &goliveOutput{CacheControl: "no-store", Body: Golive{
			Allowed: d.Allowed, Reason: d.Message, ReasonCode: string(d.Reason), Variant: d.Variant(),
		}}
		if d.FallbackURL != "" {
			out.Body.FallbackURL = &d.FallbackURL
		}
		return out, nil
	})
}

// errNoUser is the problem of a server that does not say for whom it asks.
func errNoUser() error {
	return huma.Error400BadRequest("name the user with the header Golive-User")
}

// decide returns whether the user may go live. A user was let in before if there is a broadcast of
// that user.
func (a *API) decide(ctx context.Context, u rollout.User) rollout.Decision {
	return a.Rollout.Decide(ctx, u, a.Records.HasBroadcasts(u.ID))
}
