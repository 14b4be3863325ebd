package aac

import "fmt"

// SpecificConfig returns the AudioSpecificConfig (ISO 14496-3 section 1.6.2.1) that
// ParseASC reads as c. HE-AAC is signalled hierarchically: the extension first, so that
// the object type is the one in CodecString.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+---------+-------+-------+---------+-------+- - - - -+-+-+-+- - -
//	| type: 5 | rate  | chans | extension rate  | core: 2 |0|0|0| PCE
//	+---------+-------+-------+---------+-------+- - - - -+-+-+-+- - -
func (c *Config) SpecificConfig() ([]byte, error) {
	layout := ChannelConfiguration(c.Channels)
	var program *programConfig
	switch {
	case c.ProgramConfig != nil:
		var err error
		layout = 0
		if program, _, err = cutProgramConfig(c.ProgramConfig); err != nil {
			return nil, &SyntaxError{Size: len(c.ProgramConfig), Err: err}
		}
	case layout == 0:
		return nil, &UnsupportedError{Name: "AAC", Reason: fmt.Sprintf("no channel configuration has %d channels; set the encoder to stereo or 5.1", c.Channels)}
	}
	w := &bitWriter{}
	extension := 0
	switch c.CodecString {
	case CodecHE:
		extension = ObjectTypeSBR
	case CodecHEv2:
		extension = ObjectTypePS
	}
	if extension != 0 {
		w.u(5, extension)
		w.sampleRate(c.SampleRate)
		w.u(4, layout)
		w.sampleRate(extensionRate(c.SampleRate))
		w.u(5, c.ObjectType)
	} else {
		w.u(5, c.ObjectType)
		w.sampleRate(c.SampleRate)
		w.u(4, layout)
	}
	w.u(3, 0) // frames of 1024 samples, no core coder, no extension
	if program != nil {
		program.write(w)
	}
	return w.b, nil
}

// sampleRate writes a sampling frequency index, or the escape and the frequency.
func (w *bitWriter) sampleRate(rate int) {
	for i, standard := range sampleRates() {
		if rate == standard {
			w.u(4, i)
			return
		}
	}
	w.u(4, 15)
	w.u(24, rate)
}

// extensionRate is the sample rate in Hz of HE-AAC with a core of that rate: twice it,
// unless a decoder would have no use for that much, and leaves the upper half out.
func extensionRate(core int) int {
	const highest = 48000
	if 2*core > highest {
		return core
	}
	return 2 * core
}
