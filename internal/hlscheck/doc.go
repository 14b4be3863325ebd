// Package hlscheck is a strict HLS client: it follows a live stream like a player, records
// what it receives, and lists every rule that the stream breaks. The command golive check
// and many tests use it.
//
// Open takes a URL and an *http.Client; Follow returns a Recording, with the segments and
// parts of each rendition in order, once each, and the Violations by their number in the
// table of HLS rules below. A Report is its summary. ParseMedia and ParseMultivariant parse a
// single playlist, and Demux demultiplexes MPEG-TS or fragmented MP4 into access units.
//
// The container of a rendition is found by its bytes, not by names. A container reads a segment
// or part, checks the rules of its format, and returns Contents: streams of access units with
// their times. The rules about media are checked on those by an analyser, one for the segments of
// a rendition and one for its parts, in one way for all containers.
//
// It uses independent implementations. go-astits, which shares nothing with
// container/mpegts, parses MPEG-TS; mp4ff reads the boxes of MP4 that are found here by their
// sizes; grafov/m3u8 and Eyevinn/hls-m3u8 also parse each playlist
// and must find the same segments. Both are older than parts of the draft: features that they
// do not support (EXT-X-SKIP), values that they change (grafov raises TARGETDURATION), and
// valid playlists that Eyevinn/hls-m3u8 refuses (parts before the first segment) are not
// violations.
//
// Package hlscheck does not know how the stream was made; it imports no other package of
// golive.
//
// Follow starts up to three goroutines per rendition, one that reloads the playlist,
// one that fetches what it names and one that probes, and waits for all.
//
// # Rules
//
// B is draft-pantos-hls-rfc8216bis, A is Apple's HLS authoring specification. Rules with a
// star need Options.Probe, or are checked better with it.
//
//	 0 the text is a playlist, to other decoders too                     B 4
//	 1 #EXTM3U first; TARGETDURATION with segments                       B 4.4.1.1, 4.4.3.1
//	 2 rounded EXTINF is at most TARGETDURATION                          B 6.2.1
//	 3 a segment is at most 0.5 s over the target                        A 7.7
//	 4 TARGETDURATION never changes                                      B 6.2.1
//	 5 MEDIA-SEQUENCE is there, +1 per removal, never down               B 6.2.2
//	 6 DISCONTINUITY-SEQUENCE likewise for discontinuities               B 6.2.2, A 8.17
//	 7 a change of codec, format, parameters, initialization segment or timing
//	   has DISCONTINUITY                                                B 6.2.1, A 8.13
//	 8 a playlist is only appended to, trimmed or ended                  B 6.2.1
//	 9 a playlist changes atomically                                     B 6.2.1
//	10 what is named can be fetched at once, at full speed               B 6.2.1
//	11 a new segment within 1.5 targets of the last                      B 6.2.1
//	12 a new part within one part target of the last                     B 6.2.1
//	13 never trimmed below 3 targets of content                          B 6.2.2
//	14 at least six segments, once trimmed                               A 8.11
//	15 a removed segment stays fetchable                                 B 6.2.2
//	16 parts leave the list after 3 targets, and stay fetchable          B 6.2.2
//	17 removal in playlist order                                         B 6.2.2
//	18 PLAYLIST-TYPE: none when live; EVENT never trims, VOD never changes  B 6.2.1, A 8.6
//	19 the last playlist has ENDLIST                                     B 6.2.1
//	20 missing media is shown as GAP                                     B 6.2.1
//	21 PROGRAM-DATE-TIME is there and never ambiguous; prft agrees       A 8.4, B 6.2.1
//	22 EXTINF sums are within one frame of the media; in MP4 each segment
//	   and part lasts what its samples do                               A 8.1
//	23 where EXT-X-INDEPENDENT-SEGMENTS says so a video segment begins with an IDR
//	   picture, and a part with INDEPENDENT=YES has a picture that is decoded
//	   on its own; with their parameter sets. In MP4 they are sync samples,
//	   and those are pictures at which decoding can begin              B 4.4.2.1, 4.4.4.9, A 9.11
//	24 continuity counters and timestamps run on: the decode time of a
//	   fragment is where the one before it ends                         A 7.2, 7.3
//	25 fMP4 has MAP; HEVC only in fMP4                                   A 8.20, 1.5
//	26 PART-INF with any PART; PART has URI and DURATION                 B 4.4.3.7, 4.4.4.9
//	27 a part is at most PART-TARGET                                     B 4.4.4.9
//	28 a part is at least 85 % of it, with exceptions                    B 4.4.4.9
//	29 part target and hold-backs never change                           B 6.2.1
//	30 PART-HOLD-BACK is there and at least 3 part targets               B 4.4.3.8, A 14.3
//	31 HOLD-BACK at least 3 targets, CAN-SKIP-UNTIL at least 6           B 4.4.3.8
//	32 * a blocking reload is answered when what it asks for is there    B 6.2.5.2
//	33 * one for what was there before, with the whole playlist          B 6.2.5.2
//	34 * _HLS_part without _HLS_msn is refused with 400                  B 6.2.5.2
//	35 * so is what is too far ahead, at once                            B 6.2.5.2
//	36 a wait of more than 3 targets ends with 503                       B 6.2.5.2
//	37 * directives are ignored after ENDLIST                            B 6.2.5
//	38 * a delta update skips what is beyond the boundary, and only that B 6.2.5.1, 4.4.5.2
//	39 * a hinted part answers when it is there, whole, under that name  B 6.2.6, 4.4.5.3
//	40 no PRELOAD-HINT with ENDLIST, one per type                        B 4.4.5.3
//	41 * low latency: a true RENDITION-REPORT for every other rendition  B 4.4.5.4, App. B.1
//	42 renditions agree on target, SERVER-CONTROL, dates, timestamps and
//	   discontinuity numbers                                             B 6.2.4, A 8.2, 8.15
//	43 STREAM-INF has CODECS, RESOLUTION, FRAME-RATE, AVERAGE-BANDWIDTH;
//	   CODECS is what the media are; peak under 125 % of BANDWIDTH,
//	   average under 110 %                                              A 9.1, 9.2, 9.14, 9.15, 1.28, 1.29
//	44 playlists are compressed on request                               A 10.1, B 6.2.1
//	45 MIME types                                                        A 10.4
//	46 TLS 1.2 or newer; media is not redirected                         A 12.1, 8.18
//	47 responses say how long caches may keep them                       B 6.2.2
//	48 low latency inside TLS comes over HTTP/2 or newer                 B App. B.1
//	49 VERSION is what the tags need                                     B 6.2.1, 8
//	50 a presentation that is removed gives 404 or 410, its segments stay  B 6.2.1
//	51 PCRs are at most 100 ms apart and never run back         ISO 13818-1 2.7.2
//	52 CLOSED-CAPTIONS names a group that is there, or is NONE for all     B 4.4.6.1, 4.4.6.2
//	53 a segment has just the media of its parts                         B 4.4.4.9
//	54 fragmented MP4 is whole: an initialization segment with moov, moof with
//	   rising sequence numbers, tfdt, data from moof on in its own mdat, which
//	   they fill                                                       ISO 14496-12 8.8, B 3.1.2
//
// Only violations that a client can observe, in the given time, are reported. Not checked, or
// not completely, are
//
//   - 36 while the stream is healthy: no request waits so long. An answer is checked, and a
//     missing one.
//   - 46 and 48 without TLS, where HTTP/2 is rare.
//   - 48's TCP SACK, and that caches merge requests that wait for the same.
//   - 39, a hinted part of which the first bytes are sent early: only the complete part is
//     compared with what is listed later.
//   - 41 up to one part: a playlist may be rendered before the next part of another one.
//   - 43 over an hour, as A requires: the segments that are listed at the end are measured.
//   - 50 unless the presentation is removed.
//   - 7 and 10, an initialization segment that changes under the same name: it is fetched once.
//   - 23 and 43 in encrypted media, and in codecs other than H.264, HEVC and AV1.
//   - 24, a hole between audio fragments: a lost frame leaves one. 20 limits it.
//   - 51 at discontinuities, and in a stream without a PCR.
package hlscheck
