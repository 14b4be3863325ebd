package broadcast

// State is where a broadcast is in its life.
type State int32

// The states, in the order of life.
const (
	// Starting: a publisher was admitted, nothing can be watched yet.
	Starting State = iota
	// Live: there is a playlist and a publisher.
	Live
	// Reconnecting: the publisher vanished, its return is awaited.
	Reconnecting
	// Ended: the playlist has its end.
	Ended
)

// String returns the state's name in logs and in the API.
func (s State) String() string {
	return [...]string{Starting: "starting", Live: "live", Reconnecting: "reconnecting", Ended: "ended"}[s]
}
