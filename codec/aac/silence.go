package aac

// Silence returns one raw AAC frame, without ADTS header, that decodes to silence on the
// given number of channels, or nil if no channel configuration has that many. With a
// program config element, as in Config.ProgramConfig, the frame has the elements that it
// lists.
//
// No element codes a scale factor band (max_sfb is 0), so the frame does not depend on the
// sample rate. A decoder of HE-AAC treats a frame without SBR data as one whose upper band
// is silent (ISO 14496-3 section 4.6.18.5).
func Silence(channels int, programConfig []byte) []byte {
	if programConfig != nil {
		p, _, err := cutProgramConfig(programConfig)
		if err != nil {
			return nil
		}
		return p.silence()
	}
	// The elements of channel configurations 1 to 7, ISO 14496-3 table 1.19.
	elements, ok := map[int][]int{
		1: {idSCE},
		2: {idCPE},
		3: {idSCE, idCPE},
		4: {idSCE, idCPE, idSCE},
		5: {idSCE, idCPE, idCPE},
		6: {idSCE, idCPE, idCPE, idLFE},
		8: {idSCE, idCPE, idCPE, idCPE, idLFE},
	}[channels]
	if !ok {
		return nil
	}
	var w bitWriter
	var tags [idLFE + 1]int
	for _, id := range elements {
		w.silent(id, tags[id])
		tags[id]++
	}
	w.u(3, idEND)
	return w.b
}

// silence returns a silent frame with the elements that p lists.
func (p *programConfig) silence() []byte {
	var w bitWriter
	for _, list := range [][]element{p.front, p.side, p.back} {
		for _, e := range list {
			id := idSCE
			if e.pair {
				id = idCPE
			}
			w.silent(id, e.tag)
		}
	}
	for _, tag := range p.lfe {
		w.silent(idLFE, tag)
	}
	w.u(3, idEND)
	return w.b
}

// silent appends an element in which nothing is coded.
func (w *bitWriter) silent(id, tag int) {
	w.u(3, id)
	w.u(4, tag) // element_instance_tag
	streams := 1
	if id == idCPE {
		w.u(1, 0) // common_window
		streams = 2
	}
	for range streams {
		// individual_channel_stream, ISO 14496-3 table 4.44. global_gain; then
		// ics_info: reserved, ONLY_LONG_SEQUENCE, window_shape, max_sfb and
		// predictor_data_present; then no pulse, TNS or gain control data.
		w.u(8, 0)
		w.u(1+2+1+6+1, 0)
		w.u(1+1+1, 0)
	}
}
