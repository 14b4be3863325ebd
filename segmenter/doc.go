// Package segmenter decides where parts and segments begin and end.
//
// Write takes the access units of one rendition in the order in which they were received.
// During that call, the Segmenter passes cuts to the Packagings that were given to New. A
// Packager turns them into the parts and segments of one packaging, for an Output. Cuts is
// the Packaging for Followers, which cut other renditions of the same broadcast at the same
// places. The output depends only on the units.
//
// The first segment of a rendition has media sequence number 1.
//
// A segment ends at the first key frame at or after the segment duration, or at an earlier
// one if the segment would exceed the target duration at the next one. The first segment of all
// ends at the first key frame after half a second, so that it can be played soon. TARGETDURATION and
// PART-TARGET are frozen when the first part is closed. A group of pictures that does not
// fit the target is cut at another frame, and counted. A part ends when its last frame
// arrives, not when the next one does: its end is predicted from the frame rate, and the
// next part begins there, so durations do not drift. The part duration is chosen so that
// whole parts fill the segment: so the last one, too, ends without waiting for the next
// frame.
//
// A part is not left without a picture because a picture is late: the late one is decoded where the
// part before ended, and presented at its own time. If nothing is received for so long that a segment
// would not end at the next key frame, that time is segments of gaps.
//
// A track that stops stays in the output: AAC and Opus continue as silence, video as repetitions
// of the last IDR picture, and Silent reports it. Slow video without audio is repeated by
// Advance, which the caller calls while nothing is received.
//
// Package segmenter does not know wall clocks, HTTP, disks or m3u8.
//
// It starts no goroutine; a Segmenter belongs to one, and so does a Follower.
package segmenter
