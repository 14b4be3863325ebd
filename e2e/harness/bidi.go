package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"golang.org/x/net/websocket"
)

// bidi is a connection of the WebDriver BiDi protocol.
type bidi struct {
	conn *websocket.Conn
	// event is called for each event, by read.
	event func(method string, params json.RawMessage)
	ended chan struct{} // closed when nothing more is read

	mu      sync.Mutex // guards what follows, and writing
	calls   int
	waiting map[int]chan<- bidiMessage
}

// bidiMessage is what the browser sends: an event, or the result of a call.
type bidiMessage struct {
	ID      int             `json:"id"`
	Result  json.RawMessage `json:"result"`
	Error   string          `json:"error"`
	Message string          `json:"message"` // of an error
	Method  string          `json:"method"`  // of an event
	Params  json.RawMessage `json:"params"`  // of an event
}

func newBidi(conn *websocket.Conn, event func(method string, params json.RawMessage)) *bidi {
	return &bidi{conn: conn, event: event, ended: make(chan struct{}), waiting: map[int]chan<- bidiMessage{}}
}

// read reads messages until the connection is closed.
func (b *bidi) read() {
	defer close(b.ended)
	for {
		var m bidiMessage
		if err := websocket.JSON.Receive(b.conn, &m); err != nil {
			return
		}
		if m.Method != "" {
			b.event(m.Method, m.Params)
			continue
		}
		b.mu.Lock()
		result := b.waiting[m.ID]
		delete(b.waiting, m.ID)
		b.mu.Unlock()
		if result != nil {
			result <- m
		}
	}
}

// call calls a method, and decodes its result into result unless that is nil.
func (b *bidi) call(ctx context.Context, method string, params, result any) error {
	answer := make(chan bidiMessage, 1)
	if err := b.send(method, params, answer); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case m := <-answer:
		if m.Error != "" {
			return fmt.Errorf("%s: %s: %s", method, m.Error, m.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(m.Result, result)
	case <-b.ended:
		return fmt.Errorf("%s: the browser has closed the connection", method)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

func (b *bidi) send(method string, params any, answer chan<- bidiMessage) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	b.waiting[b.calls] = answer
	return websocket.JSON.Send(b.conn, map[string]any{"id": b.calls, "method": method, "params": params})
}
