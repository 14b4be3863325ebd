package harness

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
)

// PlayerState is what e2e/players/page.html reports about its player; times are in seconds.
type PlayerState struct {
	At       float64  `json:"at"`
	Pictures int      `json:"pictures"`
	Dropped  int      `json:"dropped"`
	Sound    int      `json:"sound"` // bytes decoded
	Width    int      `json:"width"`
	Height   int      `json:"height"`
	Ended    bool     `json:"ended"`
	Stills   float64  `json:"stills"`
	Longest  float64  `json:"longest"`
	Latency  float64  `json:"latency"` // by the player's own account, -1 where it has none
	Errors   []string `json:"errors"`
	Failed   string   `json:"failed"`
}

// ServePlayers serves the players from npm, and a page for each: /play?player=NAME&url=PLAYLIST.
func ServePlayers(tb testing.TB) string {
	tb.Helper()
	folder := filepath.Join(testFolder(tb), "players")
	files := http.NewServeMux()
	files.Handle("/", http.FileServer(http.Dir(filepath.Join(folder, "node_modules"))))
	files.HandleFunc("/play", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(folder, "page.html"))
	})
	s := httptest.NewServer(files)
	tb.Cleanup(s.Close)
	return s.URL
}
