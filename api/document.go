package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"golive/api/auth"
)

// bearer is the name of the security scheme.
const bearer = "bearer"

func (a *API) humaConfig() huma.Config {
	cfg := huma.DefaultConfig("golive", a.Server.Version)
	cfg.Info.Description = "Who may go live, and the broadcasts of a live-stream server."
	if a.Server.BasePath != "" {
		cfg.Servers = []*huma.Server{{URL: a.Server.BasePath}}
	}
	// registerDocument serves the document, once it is complete, and a page that loads no script from
	// another host.
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", ""
	cfg.CreateHooks = nil // no $schema in every answer
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{bearer: {
		Type: "http", Scheme: "bearer",
		Description: "A user's JSON Web Token, a server's API key, or dev:USER while api.open is true.",
	}}
	return cfg
}

// identified completes an operation that needs to know who asks, or answers more to those it knows.
func identified(op huma.Operation, needed bool) huma.Operation {
	op.Security = []map[string][]string{{bearer: {}}}
	if !needed {
		op.Security = append([]map[string][]string{{}}, op.Security...)
	}
	op.Parameters = append(op.Parameters, &huma.Param{
		Name: auth.HeaderUser, In: "header", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "The id of the user for whom a server acts; only with an API key.",
	})
	op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable)
	return op
}

// attributeParameters are the headers with what a server knows of a user.
func attributeParameters() (all []*huma.Param) {
	for _, p := range []struct{ name, format, doc string }{
		{auth.HeaderPlatform, "", "The platform of the user's app, such as android."},
		{auth.HeaderVersion, "", "The version of the user's app, such as 5.12.0."},
		{auth.HeaderCountry, "", "The user's country, two letters."},
		{auth.HeaderCreated, "date-time", "When the user's account was made."},
		{auth.HeaderFollowers, "", "How many followers the user has, a whole number."},
	} {
		all = append(all, &huma.Param{
			Name: p.name, In: "header", Schema: &huma.Schema{Type: huma.TypeString, Format: p.format},
			Description: p.doc + " The rules of rollout compare it.",
		})
	}
	return all
}

// registerDocument serves the OpenAPI document, which is complete, and its readable page.
func registerDocument(routes *http.ServeMux, doc *huma.OpenAPI) error {
	describeAnswers(doc)
	text, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("write the OpenAPI document: %w", err)
	}
	older, err := doc.Downgrade() // for generators that know only OpenAPI 3.0
	if err != nil {
		return fmt.Errorf("write the OpenAPI document: %w", err)
	}
	page, err := renderDocs(doc)
	if err != nil {
		return err
	}
	routes.HandleFunc("GET /v1/openapi.json", fixed("application/openapi+json", text))
	routes.HandleFunc("GET /v1/openapi-3.0.json", fixed("application/openapi+json", older))
	routes.HandleFunc("GET /v1/docs", fixed("text/html; charset=utf-8", page))
	return nil
}

// describeAnswers corrects the schemas of answers: a list is never null, and a later version may
// have further fields, which clients have to ignore.
func describeAnswers(doc *huma.OpenAPI) {
	requests := map[string]bool{}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Post, item.Patch} {
			if op != nil && op.RequestBody != nil {
				for _, m := range op.RequestBody.Content {
					requests[typeName(m.Schema)] = true
				}
			}
		}
	}
	for name, schema := range doc.Components.Schemas.Map() {
		if requests[name] {
			continue
		}
		schema.AdditionalProperties = nil
		for _, field := range schema.Properties {
			if field.Type == huma.TypeArray {
				field.Nullable = false
			}
		}
	}
}

// fixed returns a handler that answers each request alike.
func fixed(kind string, text []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		// An error means that the client has left.
		_, _ = w.Write(text)
	}
}
