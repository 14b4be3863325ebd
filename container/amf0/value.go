package amf0

// The type markers of AMF 0 section 2.1.
const (
	markerNumber      = 0x00
	markerBoolean     = 0x01
	markerString      = 0x02
	markerObject      = 0x03
	markerNull        = 0x05
	markerUndefined   = 0x06
	markerReference   = 0x07
	markerECMAArray   = 0x08
	markerObjectEnd   = 0x09
	markerStrictArray = 0x0A
	markerDate        = 0x0B
	markerLongString  = 0x0C
	markerUnsupported = 0x0D
	markerXML         = 0x0F
	markerTypedObject = 0x10
)

// Property is one name and its value.
type Property struct {
	Name  string
	Value any
}

// Object is an object, a typed object or an ECMA array: peers use them interchangeably.
// Properties keep their order.
type Object []Property

// Get returns the value called name, or nil if there is none.
func (o Object) Get(name string) any {
	for _, p := range o {
		if p.Name == name {
			return p.Value
		}
	}
	return nil
}

// String returns the string called name, or "" if there is none or it is not a string.
func (o Object) String(name string) string {
	s, _ := o.Get(name).(string)
	return s
}
