package descriptors

const (
	// assumedLimit is the assumed limit if it is not known.
	assumedLimit = 16 << 10
	// maxLimit is the assumed limit if there is none.
	maxLimit = 1 << 20
)

// Shares holds the numbers of descriptors for each use.
type Shares struct {
	// All is the limit of the process.
	All int
	// HTTP is for connections of viewers, RTMP for those of publishers.
	HTTP, RTMP int
	// Reads is for files and connections to a store that are read for viewers.
	Reads int
	// Admin is for connections to the admin listener. They are part of the reserve, as is
	// everything else: listeners, logs, uploads.
	Admin int
}

// Divide divides limit. An eighth of it is reserved, at least 32, but at most half of it.
func Divide(limit int) Shares {
	limit = min(max(limit, 0), maxLimit)
	reserved := max(limit/8, min(32, limit/2))
	reads := min(max(limit/16, 4), 4096)
	rest := max(limit-reserved-reads, 2)
	rtmp := min(max(rest/8, 8), rest/2)
	return Shares{
		All: limit, Reads: reads, RTMP: rtmp, HTTP: rest - rtmp,
		Admin: min(max(reserved/4, 4), 256),
	}
}
