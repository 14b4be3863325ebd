package configs

import _ "embed"

//go:embed golive.yaml
var reference string

// Default is golive.yaml: every key at its default, with its comment.
func Default() string { return reference }
