package report

import (
	"bytes"
	"encoding/json"
)

// version is the form of the JSON; it changes when a key goes or means something
// else.
const version = 1

// JSON is the report for a program: {"version": 1, "command": …}. Lists are
// there even where they are empty, and times are RFC 3339.
func (f *Failure) JSON() string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	// Plain data always encodes.
	_ = encoder.Encode(struct {
		Version int `json:"version"`
		Failure
	}{version, f.shown()})
	return text.String()
}
