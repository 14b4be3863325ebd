package main

import (
	"strings"
	"testing"
)

func TestParseHead_ReadsStatusAndLength(t *testing.T) {
	a, err := parseHead([]byte("HTTP/1.1 200 OK\r\ncontent-length: 12\r\nEtag: \"x\"\r\nContent-Encoding: gzip\r\nDate: now\r\n"))
	if err != nil || a.status != 200 || a.length != 12 || string(a.etag) != `"x"` || !a.gzip {
		t.Errorf("%+v, %v", a, err)
	}
	for _, head := range []string{"", "HTTP/1.1 2", "HTTP/1.1 abc OK\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n"} {
		if _, err := parseHead([]byte(head)); err == nil {
			t.Errorf("%q is accepted as a response", strings.TrimSpace(head))
		}
	}
}
