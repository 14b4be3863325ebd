// Command bare is the net/http baseline of the load benchmark: it serves the files of a folder
// from memory. The benchmark runs it beside the real server, so that the difference is the cost
// of everything else.
//
// Command bare does not know streams, conditions or ranges.
//
// The goroutines are net/http's, and end with the process.
package main

import (
	"fmt"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func run(address, root string) error {
	entries, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	type file struct {
		body         []byte
		length, kind []string
	}
	files := map[string]file{}
	for _, e := range entries {
		body, err := os.ReadFile(filepath.Join(root, e.Name()))
		if err != nil {
			return err
		}
		files["/"+e.Name()] = file{body, []string{strconv.Itoa(len(body))}, []string{mime.TypeByExtension(filepath.Ext(e.Name()))}}
	}
	s := &http.Server{Addr: address, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, header := files[r.URL.Path], w.Header()
		header["Content-Length"], header["Content-Type"] = f.length, f.kind
		_, _ = w.Write(f.body) // the client may have disconnected
	})}
	return s.ListenAndServe()
}
