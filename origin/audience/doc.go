// Package audience counts viewers by the playlist requests of their players.
//
// A request enters through CountViewer or CountStall. Viewers are distinguished by address and
// User-Agent, or by the session that the player names (CMCD, CTA-5004); only a hash with a
// key of this process is kept, for half a minute at most. Nothing is sent to players, so
// responses stay cacheable. Viewers and All return numbers.
//
// Package audience does not know what is in a playlist.
//
// It starts no goroutine.
package audience
