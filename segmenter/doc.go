// Package segmenter decides where parts and segments begin and end.
//
// Access units of one rendition go in through Write, in the order of the wire; cuts come
// out through the Packagings given to New, during that call. A Packager turns them into
// parts and segments of one packaging, for an Output. Cuts is the Packaging that tells
// Followers, which cut other renditions of the same broadcast at the same places. The
// same units give the same bytes: a recording replays exactly.
//
// The rules. A segment ends at the first key frame at or after the segment
// duration, or at an earlier one when waiting for the next would overflow the
// target. TARGETDURATION and PART-TARGET are frozen when the first part is
// closed and never change. A group of pictures that does not fit the target is
// cut by force, and counted. A part ends when its last frame arrives, not when
// the next one does: the end is predicted from the frame rate and told once, and
// the next part begins there, so durations never drift. Parts are made to fill the
// segment: its last one, too, is known to end.
//
// A track that stops does not leave: its sound goes on as silence, its pictures as
// repetitions of the last IDR picture, and Silent names it. Pictures that are known to be
// far apart, without sound, are held by Advance, which tells the time.
//
// Package segmenter does not know wall clocks, HTTP, disks or m3u8.
//
// It starts no goroutine; a Segmenter belongs to one, and so does a Follower.
package segmenter
