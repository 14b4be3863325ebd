// Package config composes the rooms' settings into one file and reads it.
//
// Values enter in four layers, each over the one before: the rooms' defaults,
// the YAML file, GOLIVE_… variables, flags. Load returns the Config and, for each
// value, where it came from; or an *Error with every problem at once, each with
// its line, a caret and a hint. Check prints the same for a person.
//
// A string in the file may hold ${NAME}, which is replaced by the environment
// variable NAME; $${ stands for a plain ${. A secret `key` has a twin `key_file`
// that names a file to read it from; it is empty when Load returns. No secret is
// ever printed.
//
// Everything is driven by the yaml tags of the rooms' Config structs: a room that
// adds a field, with its tag, has added a key.
//
// Package config does not know what any key means, but for the few rules that
// two rooms share.
//
// It starts no goroutine.
package config
