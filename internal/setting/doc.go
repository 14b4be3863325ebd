// Package setting holds the types that values in the configuration file have:
// byte sizes, secrets, and the error that names a wrong one.
//
// Rooms use these types in their Config structs; internal/config reads them from
// YAML and reports their problems with line and caret.
//
// Package setting does not know any room, any key or YAML itself.
//
// It starts no goroutine.
package setting
