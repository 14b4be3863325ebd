package configs

import _ "embed"

//go:embed golive.yaml
var reference string

// Default returns golive.yaml, which has every key with its default and a comment.
func Default() string { return reference }
