package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"
)

// responseTimeout is the time limit of a response: a blocked one takes up to three target durations.
const responseTimeout = 30 * time.Second

// connection is a minimal HTTP/1.1 client connection.
type connection struct {
	conn *net.TCPConn
	raw  syscall.RawConn
	in   []byte // what was read
	out  []byte // the request
}

// response is a response; etag and body are valid until the next one.
type response struct {
	status int
	gzip   bool
	etag   []byte
	body   []byte // nil if it was discarded
	length int    // of the body
}

func dial(ctx context.Context, from net.Addr, address string) (*connection, error) {
	c, err := (&net.Dialer{LocalAddr: from}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil, errors.New("not TCP")
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &connection{conn: tcp, raw: raw, in: make([]byte, 0, 4<<10)}, nil
}

// ask sends a request for target.
func (c *connection) ask(target, headers string) error {
	c.out = append(c.out[:0], "GET "...)
	c.out = append(c.out, target...)
	c.out = append(c.out, " HTTP/1.1\r\n"...)
	c.out = append(c.out, headers...)
	c.out = append(c.out, "\r\n"...)
	_, err := c.conn.Write(c.out)
	return err
}

// get requests target. The body is returned if keep is set, and otherwise discarded.
func (c *connection) get(target, headers string, keep bool) (response, error) {
	if err := c.ask(target, headers); err != nil {
		return response{}, err
	}
	head, rest, err := c.readHead()
	if err != nil {
		return response{}, err
	}
	a, err := parseHead(head)
	if err != nil {
		return a, err
	}
	if keep {
		a.body, err = c.readBody(rest, a.length)
		return a, err
	}
	return a, c.discard(a.length - (len(c.in) - rest))
}

// readHead reads until the head of the response is complete; rest is where the body
// begins.
func (c *connection) readHead() (head []byte, rest int, err error) {
	c.in = c.in[:0]
	for {
		seen := max(0, len(c.in)-3)
		if err := c.read(); err != nil {
			return nil, 0, err
		}
		if end := bytes.Index(c.in[seen:], []byte("\r\n\r\n")); end >= 0 {
			return c.in[:seen+end+2], seen + end + 4, nil
		}
		if len(c.in) == cap(c.in) {
			return nil, 0, errors.New("head of the response is too long")
		}
	}
}

func (c *connection) readBody(from, length int) ([]byte, error) {
	if from+length > cap(c.in) {
		c.in = append(make([]byte, 0, from+length), c.in...)
	}
	for len(c.in) < from+length {
		if err := c.read(); err != nil {
			return nil, err
		}
	}
	if len(c.in) > from+length {
		return nil, errors.New("unexpected data after the response")
	}
	return c.in[from:], nil
}

// read reads at least one byte.
func (c *connection) read() error {
	n, err := c.conn.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	return err
}

// discard discards n bytes of the connection.
func (c *connection) discard(n int) error {
	if n < 0 {
		return errors.New("unexpected data after the response")
	}
	for n > 0 {
		var got int
		var failed error
		err := c.raw.Read(func(fd uintptr) bool {
			got, failed = discard(fd, n)
			return !errors.Is(failed, syscall.EAGAIN)
		})
		switch {
		case err != nil:
			return err
		case failed != nil:
			return failed
		case got == 0:
			return errors.New("body is truncated")
		}
		n -= got
	}
	return nil
}

// parseHead reads the status and the headers that matter.
func parseHead(head []byte) (a response, err error) {
	line, head, _ := bytes.Cut(head, []byte("\r\n"))
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return a, fmt.Errorf("response begins with %q", line)
	}
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return a, err
	}
	sized := a.status == 304
	for len(head) > 0 {
		line, head, _ = bytes.Cut(head, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case len(name) == 14 && bytes.EqualFold(name, []byte("Content-Length")):
			if a.length, err = strconv.Atoi(string(value)); err != nil {
				return a, err
			}
			sized = true
		case len(name) == 4 && bytes.EqualFold(name, []byte("ETag")):
			a.etag = value
		case len(name) == 16 && bytes.EqualFold(name, []byte("Content-Encoding")):
			a.gzip = string(value) == "gzip"
		}
	}
	if !sized {
		return a, errors.New("response has no length")
	}
	return a, nil
}
