// Package setting defines the types of values in the configuration file: byte sizes,
// bit rates, secrets, and the error for an invalid value.
//
// Packages use these types in their Config structs; internal/config reads them from YAML and
// reports their problems with line and caret.
//
// Package setting does not know the other packages, keys or YAML.
//
// It starts no goroutine.
package setting
