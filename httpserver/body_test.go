package httpserver

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// echo returns a handler that answers with the body of the request.
func echo() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 100))
		if err != nil {
			w.WriteHeader(http.StatusRequestTimeout)
			return
		}
		_, _ = w.Write(body)
	})
}

func TestServer_KeepsTheConnectionAfterReadingABody(t *testing.T) {
	overBoth(t, func(t *testing.T, open starter) {
		f := open(t, echo())
		client := f.dial(t)
		in := bufio.NewReader(client)
		for _, body := range []string{"one", "two"} {
			go func() {
				_, _ = fmt.Fprintf(client, "POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			}()
			answer, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(answer.Body); err != nil || string(got) != body || answer.Close {
				t.Errorf("answer %q, close %v, want %q and an open connection: %v", got, answer.Close, body, err)
			}
			<-time.After(2 * sendTimeout) // the deadline of a body does not apply to the next request
		}
		_ = client.Close()
		f.close(t)
	})
}

func TestServer_ClosesConnectionsWhoseBodyTakesLongerThanSendTimeout(t *testing.T) {
	for _, head := range []string{
		"POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhi",
		"POST /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi",
		"POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000000000000000\r\n\r\n",
	} {
		overBoth(t, func(t *testing.T, open starter) {
			f := open(t, echo())
			client := f.dial(t)
			began := time.Now()
			go func() { _, _ = io.WriteString(client, head) }()
			if _, err := io.Copy(io.Discard, client); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > sendTimeout+2*bodyTimeout {
				t.Errorf("%q: the connection was held for %s", head, took)
			}
			f.close(t)
		})
	}
}

// A response of events may last for hours: its handler sets a deadline for each event.
func TestServer_SendsEventsForLongerThanReadTimeout(t *testing.T) {
	const events = 20
	for _, protocol := range []int{1, 2} {
		overBoth(t, func(t *testing.T, open starter) {
			f := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				rc := http.NewResponseController(w)
				_ = rc.SetReadDeadline(time.Time{})
				for range events {
					_ = rc.SetWriteDeadline(time.Now().Add(10 * time.Second))
					_, _ = io.WriteString(w, "event\n")
					if err := rc.Flush(); err != nil || r.Context().Err() != nil {
						return
					}
					_ = rc.SetWriteDeadline(time.Time{}) // a deadline would end a stream of HTTP/2 before the next event
					<-time.After(readTimeout / 4)
				}
			}))
			rt := f.client(protocol)
			answer, err := fetch(t.Context(), rt, "/v1/events")
			if err != nil {
				t.Fatal(err)
			}
			lines := 0
			for in := bufio.NewScanner(answer.Body); in.Scan(); {
				lines++
			}
			if lines != events {
				t.Errorf("HTTP/%d: %d of %d events", protocol, lines, events)
			}
			_ = answer.Body.Close()
			rt.CloseIdleConnections()
			f.close(t)
		})
	}
}
