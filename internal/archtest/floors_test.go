package archtest

import "strings"

// floors lists the rooms from the ground up. A package belongs to the room whose
// folder it is in; it may import its own room and the rooms of lower floors.
// Rooms of later issues have their place already.
func floors() [][]string {
	return [][]string{
		{
			"media", "codec", "configs", "internal/setting", "internal/descriptors", "internal/cors", "internal/clip",
			"internal/certificate", "internal/connlimit", "internal/loglimit", "internal/notices", "internal/rootdir",
		},
		{"container", "storage"},
		{"ingest", "transcode", "segmenter", "playlist", "archive", "registry", "rollout", "httpserver", "internal/publisher"},
		{"broadcast", "origin", "api", "web", "admin"},
		{"internal/config", "internal/hlscheck"},
		{"cmd/golive"},
	}
}

// outside are the folders of test code: they may import everything, and nothing
// else may import them but tests.
func outside() []string {
	return []string{"internal/archtest", "internal/mediatest", "internal/acmetest", "storage/storagetest", "storage/s3/s3test", "e2e"}
}

// concurrent are the rooms that may start goroutines, and what for. All others
// are called, and return.
func concurrent() map[string]string {
	return map[string]string{
		"ingest":               "a session for each connection; Serve waits for all",
		"transcode":            "a feeder and a reader for each pipe of the child process",
		"broadcast":            "a supervisor and a keeper for each broadcast; Hub.Run waits for all",
		"archive":              "logs that are read, and objects that are deleted, a few at once",
		"registry":             "the watch, the session's renewal and the writers; Registry.Run waits for all",
		"storage":              "the time limit of a request (s3)",
		"httpserver":           "each server beside its shutdown, and a goroutine for each connection that package http1 reads",
		"origin":               "a timer for each stored response that is being written",
		"cmd/golive":           "one for each server, in one errgroup",
		"internal/hlscheck":    "a reloader, a fetcher and a prober for each rendition",
		"internal/certificate": "a wait for an authority that the library of ACME cannot cut short",
		"internal/loglimit":    "a timer for each kind of line that peers have caused in the last seconds",
		"internal/publisher":   "one for each published stream",
	}
}

// room is the name of the room that the folder belongs to, and its floor; -1 for
// test code, -2 when it has none.
func room(folder string) (name string, floor int) {
	for _, o := range outside() {
		if within(folder, o) {
			return o, -1
		}
	}
	for floor, rooms := range floors() {
		for _, r := range rooms {
			if within(folder, r) {
				return r, floor
			}
		}
	}
	return "", -2
}

func within(folder, room string) bool {
	return folder == room || strings.HasPrefix(folder, room+"/")
}
