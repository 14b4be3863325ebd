// Package storage keeps finished segments durably and in order, and the
// playlists that name them.
//
// Segments enter through Archiver.Offer, which never waits, and leave for a
// Bucket one at a time; each acknowledgement is told to the Index, which answers
// with the playlists that may now name the segment. Whoever serves viewers reads
// them back with Bucket.Get. The backends are folders: memory, disk, s3.
//
// Package storage does not know live viewers or the text of a playlist. It may
// be slow or broken for long; neither viewers nor publishers may notice. What waits
// meanwhile goes to a Spool on a local disk (folder spool), from where a later run
// takes it up with Archiver.Recover.
//
// Archiver.Run blocks on the caller's goroutine and does the archiver's work there,
// but for writing to the Spool: that it does on one more goroutine, since a Put may
// hang, and waits for it.
//
// # Adding a backend
//
//  1. Make a folder with a type that implements Bucket and checks every key with
//     CheckKey and every range with CheckRange.
//  2. Return *Error from each method, with a Hint where the operator can act, and
//     Permanent where trying again cannot help.
//  3. Run storagetest.Test over it.
//  4. Add its name to Config.Validate and to Backends, and make it in cmd/golive.
package storage
