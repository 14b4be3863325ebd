package descriptors

const (
	// unknown is what is assumed where a process's descriptors cannot be counted.
	unknown = 16 << 10
	// most bounds what "unlimited" means.
	most = 1 << 20
)

// Shares are how many descriptors each may have at once.
type Shares struct {
	// All is the limit that is divided.
	All int
	// HTTP is for connections of viewers, RTMP for those of publishers.
	HTTP, RTMP int
	// Reads is for files, and connections to a store, that viewers' requests read.
	Reads int
	// Admin is for connections to the admin listener. They are part of what is
	// reserved, as is everything that is not divided: listeners, logs, uploads.
	Admin int
}

// Divide divides limit. An eighth is reserved, 32 at least or half of a limit that is
// smaller still.
func Divide(limit int) Shares {
	limit = min(max(limit, 0), most)
	reserved := max(limit/8, min(32, limit/2))
	reads := min(max(limit/16, 4), 4096)
	rest := max(limit-reserved-reads, 2)
	rtmp := min(max(rest/8, 8), rest/2)
	return Shares{
		All: limit, Reads: reads, RTMP: rtmp, HTTP: rest - rtmp,
		Admin: min(max(reserved/4, 4), 256),
	}
}
