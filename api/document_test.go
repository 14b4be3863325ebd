package api

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golive/registry"
	"golive/rollout"
)

func TestAPI_PageDescribesEveryRequest(t *testing.T) {
	page := openTestAPI(t).as("", "GET", "/v1/docs", "").Body.String()
	for _, want := range []string{
		"<b>POST</b>/v1/broadcasts<", "<b>PATCH</b>/v1/broadcasts/{id}<", "<b>DELETE</b>/v1/broadcasts/{id}/key<", "Takes NewBroadcast.", "Answers CreatedBroadcast.",
		"Takes Changes.", "Idempotency-Key", "Needs credentials.", "HealthEvent", "reason_code", "/v1/broadcasts/{id}/events",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// document returns the OpenAPI document.
func document(t *testing.T, b *testAPI) map[string]any {
	t.Helper()
	return b.want(200, "", "GET", "/v1/openapi.json", "").body
}

// TestAPI_DocumentIsComplete checks what a generator of clients needs: every reference leads
// somewhere, every operation has an id of its own and a response, and each parameter of a path is
// described.
func TestAPI_DocumentIsComplete(t *testing.T) {
	doc := document(t, openTestAPI(t))
	var follow func(at string, v any)
	follow = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				var to any = doc
				for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
					m, _ := to.(map[string]any)
					to = m[name]
				}
				if to == nil {
					t.Errorf("%s refers to %s, which does not exist", at, ref)
				}
			}
			for k, one := range v {
				follow(at+"/"+k, one)
			}
		case []any:
			for i, one := range v {
				follow(fmt.Sprint(at, "/", i), one)
			}
		}
	}
	follow("", doc)
	seen := map[string]bool{}
	paths, _ := doc["paths"].(map[string]any)
	n := 0
	for path, item := range paths {
		for method, op := range item.(map[string]any) {
			n++
			op := op.(map[string]any)
			id, _ := op["operationId"].(string)
			if id == "" || seen[id] {
				t.Errorf("%s %s: operationId %q", method, path, id)
			}
			seen[id] = true
			responses, _ := op["responses"].(map[string]any)
			if len(responses) < 2 {
				t.Errorf("%s %s: responses %v", method, path, responses)
			}
			if strings.Contains(path, "{") != strings.Contains(fmt.Sprint(op["parameters"]), "in:path") {
				t.Errorf("%s %s: parameters %v", method, path, op["parameters"])
			}
		}
	}
	if n < 11 {
		t.Errorf("%d operations", n)
	}
}

// What a response never contains must not be in its schema: generators would make types of it that
// nobody can use.
func TestAPI_DocumentSaysWhatMayBeNull(t *testing.T) {
	b := openTestAPI(t)
	for path, nullable := range map[string]bool{
		"Broadcast.properties.renditions": false, "BroadcastPage.properties.broadcasts": false, "HealthEvent.properties.issues": false,
		"Broadcast.properties.replay": true, "Transcoding": true, "IngestAddresses.properties.rtmps": true,
	} {
		for document, form := range map[string]string{"/v1/openapi.json": "null", "/v1/openapi-3.0.json": "nullable:true"} {
			var at any = b.want(200, "", "GET", document, "").body
			for name := range strings.SplitSeq("components.schemas."+path, ".") {
				m, _ := at.(map[string]any)
				at = m[name]
			}
			m, _ := at.(map[string]any)
			delete(m, "properties")
			delete(m, "description")
			if at == nil || strings.Contains(fmt.Sprint(at), form) != nullable {
				t.Errorf("%s of %s: %v", path, document, at)
			}
		}
	}
}

func TestAPI_ResponsesMayGetFurtherFieldsAndRequestsMayNot(t *testing.T) {
	schemas := document(t, openTestAPI(t))["components"].(map[string]any)["schemas"].(map[string]any)
	for name, schema := range schemas {
		_, closed := schema.(map[string]any)["additionalProperties"]
		if want := name == "NewBroadcast" || name == "Changes"; closed != want {
			t.Errorf("%s: %v", name, schema)
		}
	}
}

// unexpectedValues returns values that do not belong where they are sent.
func unexpectedValues() []any {
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	return []any{
		nil, true, -1, 0, 1e300, int64(1) << 60, "", " ", "\x00", "a\x00b", "\u202e", "\ufeff", "'; DROP TABLE x; --", "../../etc/passwd", "%2e%2e%2f", "<script>",
		strings.Repeat("x", 300), strings.Repeat("é", 5000),
		[]any{},
		[]any{nil},
		map[string]any{},
		map[string]any{"$ref": "#"},
		json.RawMessage(deep),
		"9999-12-31T23:59:59Z", "0000-00-00T00:00:00Z", "2026-13-45", "-1", "NaN", "dev:ann", "me", "public", "live", "\xff\xfe",
	}
}

// TestAPI_SurvivesWhatTheDocumentForbids sends values of wrong types and sizes wherever the document
// has a value, as every kind of caller. No request may fail with a server error, no response may show
// what belongs to another owner, and no record of another owner may change.
func TestAPI_SurvivesWhatTheDocumentForbids(t *testing.T) {
	b := newTestAPI(t, withKeys(), rollout.DefaultConfig(), catalogue{studio()})
	stopping := make(chan struct{})
	close(stopping)
	b.api.Stopping = stopping // streams of events end at once
	hidden := registry.Broadcast{
		ID: "hidden", Owner: "ann", Channel: "annschannel", State: registry.Live, Key: registry.HashKey("gl_ann"),
		Details: registry.Details{Title: "a private title", Visibility: registry.Private},
	}
	public := registry.Broadcast{ID: "public", Owner: "ann", State: registry.Created, Key: registry.HashKey("gl_other")}
	b.records.put(hidden)
	b.records.put(public)
	doc := document(t, b)
	callers := []struct{ key, user string }{{"", ""}, {serverKey, "bob"}, {readerKey, "bob"}, {"dev:ann", ""}, {"a.b.c", ""}, {strings.Repeat("x", 9000), ""}}
	random := rand.New(rand.NewPCG(1, 2))
	values := unexpectedValues()
	one := func() any { return values[random.IntN(len(values))] }
	paths, _ := doc["paths"].(map[string]any)
	sent := 0
	for path, item := range paths {
		for method, op := range item.(map[string]any) {
			op := op.(map[string]any)
			for range 300 {
				c := callers[random.IntN(len(callers))]
				id := []string{"hidden", "public", "studio", url.PathEscape(fmt.Sprint(one()))}[random.IntN(4)]
				header, query := []string{}, url.Values{}
				if c.user != "" {
					header = append(header, "Golive-User", c.user)
				}
				parameters, _ := op["parameters"].([]any)
				for _, p := range parameters {
					p := p.(map[string]any)
					switch name := p["name"].(string); {
					case p["in"] == "query" && random.IntN(2) == 0:
						query.Set(name, fmt.Sprint(one()))
					case p["in"] == "header" && random.IntN(2) == 0:
						header = append(header, name, fmt.Sprint(one()))
					}
				}
				body := ""
				if op["requestBody"] != nil {
					body = bodyOf(random, one)
				}
				path := strings.ReplaceAll(path, "{name}", "{id}")
				target := strings.ReplaceAll(path, "{id}", id)
				if strings.ContainsAny(target, " \x00<>\"") || len(target) > 4000 {
					target = strings.ReplaceAll(path, "{id}", "x")
				}
				if len(query) > 0 {
					target += "?" + query.Encode()
				}
				w := b.as(c.key, strings.ToUpper(method), target, body, header...)
				sent++
				if w.Code >= 500 {
					t.Fatalf("%s %s as %+v with %q, %.300q: %d %s", method, target, c, header, body, w.Code, w.Body)
				}
				if c.user != "" || c.key != serverKey {
					for _, leak := range []string{"a private title", "annschannel", hidden.Key, public.Key, `"owner":"ann"`} {
						if strings.Contains(w.Body.String(), leak) {
							t.Fatalf("%s %s as %+v: the answer has %q: %s", method, target, c, leak, w.Body)
						}
					}
				}
			}
		}
	}
	for _, want := range []registry.Broadcast{hidden, public} {
		if got, ok := b.records.FindBroadcast(want.ID); !ok || got.Title != want.Title || got.Key != want.Key || got.End || got.State != want.State {
			t.Errorf("%+v", got)
		}
	}
	if sent < 3000 {
		t.Errorf("%d requests", sent)
	}
}

// bodyOf returns a body with some of the fields, of any type, or no JSON at all.
func bodyOf(random *rand.Rand, one func() any) string {
	switch random.IntN(6) {
	case 0:
		return fmt.Sprint(one())
	case 1:
		text, _ := json.Marshal(one())
		return string(text)
	}
	fields := map[string]any{}
	for _, name := range []string{"title", "channel", "visibility", "preview", "test", "scheduled_start", "id", "owner", "stream_key", "state"} {
		if random.IntN(4) == 0 {
			fields[name] = one()
		}
	}
	text, _ := json.Marshal(fields)
	return string(text)
}

func TestAPI_AllowsWritesOfPagesFromConfiguredOrigins(t *testing.T) {
	c := DefaultConfig()
	c.CORSOrigins = []string{"https://app.test"}
	b := newTestAPI(t, c, rollout.DefaultConfig(), catalogue{})
	w := b.as("", http.MethodOptions, broadcasts, "", "Origin", "https://app.test", "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", "authorization, content-type, idempotency-key")
	h := w.Header()
	if w.Code != 204 || h.Get("Access-Control-Allow-Origin") != "https://app.test" || h.Get("Access-Control-Allow-Methods") != "GET, HEAD, OPTIONS, POST" ||
		h.Get("Access-Control-Allow-Headers") != "authorization, content-type, idempotency-key" || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("%d %v", w.Code, h)
	}
	for path, want := range map[string]string{
		broadcasts + "/b": "GET, HEAD, OPTIONS, PATCH, DELETE", broadcasts + "/b/end": "OPTIONS, POST", broadcasts + "/b/key": "OPTIONS, POST, DELETE", "/v1/golive": "GET, HEAD, OPTIONS",
	} {
		if got := b.want(405, "dev:ann", http.MethodPut, path, "").header.Get("Allow"); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := b.as("dev:ann", "POST", broadcasts, "{}", "Origin", "https://other.test").Header().Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("another origin: %q", got)
	}
	b.want(404, "dev:ann", http.MethodPost, "/v1/none", "")
}

func TestAPI_LimitsTheRequestsOfAUserAndOfAnAddress(t *testing.T) {
	c := DefaultConfig()
	c.Limits = LimitsConfig{UserRate: 0.01, UserBurst: 2, AddressRate: 0.01, AddressBurst: 5}
	b := newTestAPI(t, c, rollout.DefaultConfig(), catalogue{})
	b.want(201, "dev:ann", "POST", broadcasts, `{}`)
	b.want(201, "dev:ann", "POST", broadcasts, `{}`)
	if got := b.want(429, "dev:ann", "POST", broadcasts, `{}`); got.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	b.want(201, "dev:bob", "POST", broadcasts, `{}`)
	b.want(201, "dev:bob", "POST", broadcasts, `{}`)
	b.want(429, "dev:cid", "POST", broadcasts, `{}`)
	b.want(200, "dev:cid", "GET", broadcasts, "")
}
