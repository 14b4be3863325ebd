// Package config loads the configuration of the server.
//
// Values come from four layers, each overriding the previous one: the defaults of the
// packages, the YAML file, GOLIVE_… environment variables, flags. Load returns the Config and
// the origin of each value, or an *Error with all problems, each with its line, a caret and a
// hint. Check prints the same.
//
// In a string in the file ${NAME} is replaced by the environment variable NAME; $${ stands
// for a literal ${. For a secret `key` there is a `key_file` with the name of a file to read
// it from; it is empty when Load returns. Secrets are never printed.
//
// The keys are the yaml tags of the packages' Config structs: a new field with a tag is a new
// key.
//
// Package config does not know the meaning of keys, except for the few rules that involve
// two packages.
//
// It starts no goroutine.
package config
