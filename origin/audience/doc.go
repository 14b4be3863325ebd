// Package audience counts who watches, from what players ask for anyhow: a playlist,
// again and again.
//
// A request enters through Polled or Heard. A viewer is told from others by address and
// User-Agent, or by the session that the player names (CMCD, CTA-5004); only a hash
// with a key of this process is kept, for half a minute at most. Nothing is sent to
// players, so caches keep working. Viewers and All leave as numbers.
//
// Package audience does not know what is in a playlist.
//
// It starts no goroutine.
package audience
