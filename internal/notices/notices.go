package notices

import _ "embed"

//go:generate go run golive/internal/notices/generate notices.txt

//go:embed notices.txt
var text string

// Text returns the notices of all software in the binary.
func Text() string { return text }
