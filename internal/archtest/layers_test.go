package archtest

import "strings"

// layers returns the modules of each layer, from the lowest up. A module is a folder with the
// packages in and below it. A package may import packages of its own module and of modules
// of lower layers. Some modules do not exist yet.
func layers() [][]string {
	return [][]string{
		{
			"media", "codec", "configs", "internal/setting", "internal/descriptors", "internal/cors", "internal/clip",
			"internal/certificate", "internal/childprocess", "internal/connlimit", "internal/loglimit", "internal/notices", "internal/publicnet", "internal/rootdir",
		},
		{"container", "storage"},
		{"ingest", "transcode", "pictures", "segmenter", "playlist", "archive", "registry", "rollout", "httpserver", "internal/publisher"},
		{"broadcast", "origin", "api", "web", "admin"},
		{"internal/config", "internal/hlscheck"},
		{"cmd/golive"},
	}
}

// testFolders returns the folders of test code. They may import everything, and only tests
// may import them.
func testFolders() []string {
	return []string{"internal/archtest", "internal/mediatest", "internal/acmetest", "internal/logtest", "internal/pipenet", "internal/tlstest", "ingest/ingesttest", "storage/storagetest", "storage/s3/s3test", "e2e"}
}

// goroutineReasons returns the modules that may start goroutines, with the reason.
func goroutineReasons() map[string]string {
	return map[string]string{
		"ingest":               "a session for each connection; Serve waits for all",
		"transcode":            "a feeder and a reader for each pipe of the child process",
		"pictures":             "a worker for several cores, and a reader of ffmpeg's second output",
		"broadcast":            "a supervisor and an archiver for each broadcast; Hub.Run waits for all",
		"archive":              "reads of logs and deletions of objects, a few concurrently",
		"registry":             "the watch, the session's renewal and the writers; Registry.Run waits for all",
		"storage":              "the time limit of a request (s3)",
		"httpserver":           "a shutdown for each server, and a goroutine for each connection of package http1",
		"origin":               "a timer for each object that is open in a store, and a call when its viewer leaves",
		"api":                  "a consumer of events for each webhook; Deliverer.Run waits for all",
		"cmd/golive":           "one for each server, in one errgroup",
		"internal/hlscheck":    "a reloader, a fetcher and a prober for each rendition",
		"internal/certificate": "a request to an authority, which the ACME library cannot interrupt",
		"internal/loglimit":    "a timer for each kind of line that was logged in the last seconds",
		"internal/publisher":   "one for each published stream",
	}
}

// The results of moduleOf for folders outside the layers.
const (
	testCode = -1
	noLayer  = -2
)

// moduleOf returns the module that a folder belongs to, and the index of its layer, or
// testCode or noLayer.
func moduleOf(folder string) (name string, layer int) {
	for _, o := range testFolders() {
		if within(folder, o) {
			return o, testCode
		}
	}
	for layer, modules := range layers() {
		for _, m := range modules {
			if within(folder, m) {
				return m, layer
			}
		}
	}
	return "", noLayer
}

func within(folder, parent string) bool {
	return folder == parent || strings.HasPrefix(folder, parent+"/")
}
