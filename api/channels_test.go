package api

import (
	"net/http"
	"testing"

	"golive/registry"
)

const newsKey = "/v1/channels/news/key"

func TestAPI_ChannelsHaveLastingKeys(t *testing.T) {
	b := openTestAPI(t)
	first := b.want(http.StatusOK, "dev:ann", http.MethodPost, newsKey, "").str("stream_key")
	ch, ok := b.records.FindChannel("news")
	if !ok || ch.Owner != "ann" || ch.Key != registry.HashKey(first) {
		t.Fatalf("%+v, key %q", ch, first)
	}
	second := b.want(http.StatusOK, "dev:ann", http.MethodPost, newsKey, "").str("stream_key")
	if ch, _ := b.records.FindChannel("news"); second == first || ch.Key != registry.HashKey(second) {
		t.Errorf("after a rotation: %+v, key %q", ch, second)
	}
	b.want(http.StatusForbidden, "dev:bob", http.MethodPost, newsKey, "")
	b.want(http.StatusForbidden, "dev:bob", http.MethodDelete, newsKey, "")
	b.want(http.StatusUnauthorized, "", http.MethodPost, newsKey, "")
	b.want(http.StatusNotFound, "dev:ann", http.MethodPost, "/v1/channels/.news/key", "")
	if got := b.want(http.StatusNotFound, "dev:ann", http.MethodDelete, "/v1/channels/other/key", "").str("detail"); got != "there is no such channel" {
		t.Errorf("no channel: %q", got)
	}
	b.want(http.StatusNoContent, "dev:ann", http.MethodDelete, newsKey, "")
	if ch, _ := b.records.FindChannel("news"); ch.Key != "" {
		t.Errorf("after the revocation: %+v", ch)
	}
}
