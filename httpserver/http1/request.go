package http1

import (
	"bytes"
	"context"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
)

// request is the request of a connection, reused for each.
type request struct {
	http.Request
	prefix string
	url    url.URL
	block  []byte // the header lines that Header was read from
}

func newRequest(ctx context.Context, prefix, remote string) *request {
	r := &request{prefix: prefix}
	r.Request = *(&http.Request{
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody, RemoteAddr: remote,
	}).WithContext(ctx)
	r.URL = &r.url
	return r
}

// read parses the head of a request, with the empty line. It returns false when the head is
// not understood; then the request must not be used.
func (r *request) read(head []byte) bool {
	line, block, _ := bytes.Cut(head, crlf)
	return r.readLine(line) && r.readBlock(block)
}

var crlf = []byte("\r\n") //nolint:gochecknoglobals // read-only

// methods are those that are answered here, with the space that follows.
//
//nolint:gochecknoglobals // read-only
var methods = []string{"GET ", "HEAD ", "OPTIONS "}

// readLine reads METHOD SP TARGET SP VERSION (RFC 9112 section 3).
func (r *request) readLine(line []byte) bool {
	target, ok := bytes.CutSuffix(line, []byte(" HTTP/1.1"))
	if !ok {
		return false
	}
	i := slices.IndexFunc(methods, func(m string) bool { return bytes.HasPrefix(target, []byte(m)) })
	if i < 0 {
		return false
	}
	target = target[len(methods[i]):]
	r.Method = methods[i][:len(methods[i])-1]
	if len(target) > 0 && string(target) == r.RequestURI {
		return true
	}
	path, query, _ := bytes.Cut(target, []byte("?"))
	if r.prefix == "" || !bytes.HasPrefix(path, []byte(r.prefix)) || !all(path, inPath) || !all(query, inQuery) ||
		bytes.Contains(path, []byte("//")) || bytes.Contains(path, []byte("/.")) {
		return false
	}
	r.RequestURI = string(target)
	r.url = url.URL{Path: r.RequestURI[:len(path)]}
	if len(path) < len(target) {
		r.url.RawQuery = r.RequestURI[len(path)+1:]
		r.url.ForceQuery = len(query) == 0
	}
	return true
}

// readBlock reads the header lines (RFC 9112 section 5). A player sends the same ones
// again and again.
func (r *request) readBlock(block []byte) bool {
	if r.Header != nil && bytes.Equal(block, r.block) {
		return true
	}
	r.Header, r.Host = nil, ""
	header, text := http.Header{}, string(block)
	host := ""
	for {
		line, rest, ok := strings.Cut(text, "\r\n")
		if !ok || line == "" && rest != "" {
			return false
		}
		if line == "" {
			break
		}
		text = rest
		name, value, ok := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if !ok || name == "" || !all(name, inToken) || !all(value, inValue) {
			return false
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		if name != "Host" {
			if !harmless(name, value) {
				return false
			}
			header[name] = append(header[name], value)
			continue
		}
		if host != "" || value == "" || !all(value, inHost) {
			return false
		}
		host = value
	}
	if host == "" {
		return false
	}
	r.Header, r.Host = header, host
	r.block = append(r.block[:0], block...)
	return true
}

// harmless reports whether a header changes nothing about the connection or the other
// headers and announces no body.
func harmless(name, value string) bool {
	switch name {
	case "Connection":
		return strings.EqualFold(value, "keep-alive")
	case "Content-Length", "Transfer-Encoding", "Expect", "Upgrade", "Trailer", "Te", "Http2-Settings", "Proxy-Connection", "Pragma":
		return false
	}
	return true
}

// class is a set of ASCII characters.
type class [2]uint64

func (c *class) has(b byte) bool { return b < 128 && c[b>>6]&(1<<(b&63)) != 0 }

func classOf(characters string) *class {
	var c class
	for _, b := range []byte(characters) {
		c[b>>6] |= 1 << (b & 63)
	}
	return &c
}

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	marks   = "!#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\""
)

// The characters that are understood: of a path those that stand for themselves (RFC
// 3986 section 3.3) and net/url leaves alone, of a header's name a token's (RFC 9110 section 5.6.2).
//
//nolint:gochecknoglobals // read-only
var (
	inPath  = classOf(letters + digits + "-._~$&+,;=:@/")
	inQuery = classOf(letters + digits + "-._~!$&'()*+,;=:@/?%")
	inToken = classOf(letters + digits + "!#$%&'*+-.^_`|~")
	inValue = classOf(letters + digits + marks + " \t")
	inHost  = classOf(letters + digits + "-._:[]")
)

// all reports whether a text has only characters of the class.
func all[T string | []byte](text T, in *class) bool {
	for i := range len(text) {
		if !in.has(text[i]) {
			return false
		}
	}
	return true
}
