package awsfake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	smithytime "github.com/aws/smithy-go/time"
)

// restProtocol is what restJson1 and restXml have in common (Smithy 2.0, "HTTP
// bindings"): members in the path, the query and the headers, as model.txt says.
type restProtocol struct {
	body
	service string
}

// body is the format of what isn't in the path, the query or the headers.
type body interface {
	read(raw []byte, v reflect.Value) error
	write(to *bytes.Buffer, name string, v reflect.Value) error
	fail(w http.ResponseWriter, r *request, f failure)
}

// restOf is the protocol of a service that is told by nothing but its paths.
func restOf(service string) protocol {
	if service == "batch" {
		return restProtocol{jsonBody{service}, service}
	}
	return restProtocol{xmlBody{xmlCodec{service}}, service}
}

// operation is that of the route with the most literal parts, so that
// "/{Bucket}?location" goes before "/{Bucket}".
func (p restProtocol) operation(r *request) string {
	name, literals := "", -1
	for _, route := range model().routes {
		if n, ok := route.match(p.service, r); ok && n > literals {
			name, literals = route.operation, n
		}
	}
	return name
}

// match says whether a request is a route's, and how many of its parts are literal.
func (t route) match(service string, r *request) (literals int, ok bool) {
	if t.service != service || t.method != r.Method || t.labels(r) == nil {
		return 0, false
	}
	path, query, _ := strings.Cut(t.path, "?")
	literals = strings.Count(path, "/") - strings.Count(path, "{")
	wanted, _ := url.ParseQuery(query)
	got := r.URL.Query()
	for key := range wanted {
		if _, ok := got[key]; ok && got.Get(key) == wanted.Get(key) {
			literals++
			continue
		}
		if key != "x-id" || got.Has("x-id") { // some clients leave it out
			return 0, false
		}
	}
	return literals, true
}

// labels are the path's members, nil where the path is another one. The last
// label is greedy where it ends in "+".
func (t route) labels(r *request) map[string]string {
	path, _, _ := strings.Cut(t.path, "?")
	pattern := strings.Split(strings.Trim(path, "/"), "/")
	segments := strings.SplitN(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/", len(pattern))
	if len(segments) != len(pattern) {
		return nil
	}
	labels := map[string]string{}
	for i, part := range pattern {
		name, isLabel := strings.CutPrefix(strings.TrimSuffix(part, "}"), "{")
		name, greedy := strings.CutSuffix(name, "+")
		segment := segments[i]
		if !greedy {
			segment = strings.TrimSuffix(segment, "/")
		}
		text, err := url.PathUnescape(segment)
		if err != nil || text == "" || !isLabel && part != text || !greedy && strings.Contains(segment, "/") {
			return nil
		}
		if isLabel {
			labels[name] = text
		}
	}
	return labels
}

func (p restProtocol) decode(r *request, name string, in any) error {
	v := reflect.ValueOf(in).Elem()
	if err := p.decodeBound(r, name, v); err != nil {
		return err
	}
	raw, err := unchunked(r)
	if err != nil {
		return err
	}
	for field, m := range shapeOf(p.service, v.Type().Name()).members {
		if m.where == "payload" {
			return p.readPayload(raw, v.FieldByName(field))
		}
	}
	if len(raw) == 0 {
		return nil
	}
	return p.read(raw, v)
}

// decodeBound reads the members outside the body.
func (p restProtocol) decodeBound(r *request, name string, v reflect.Value) error {
	route := model().routes[slices.IndexFunc(model().routes, func(t route) bool { return t.service == p.service && t.operation == name })]
	shape := shapeOf(p.service, v.Type().Name())
	labels, query := route.labels(r), r.URL.Query()
	_, literal, _ := strings.Cut(route.path, "?")
	known, _ := url.ParseQuery(literal)
	known.Set("x-id", name)
	for field, m := range shape.members {
		wire := shape.wire(field)
		var values []string
		switch m.where {
		case "uri":
			values = []string{labels[wire]}
		case "query":
			values = query[wire]
			known[wire] = values
		case "header":
			values = r.Header.Values(wire)
		case "prefix":
			v.FieldByName(field).Set(reflect.ValueOf(prefixed(r.Header, wire)))
		}
		if err := setTexts(wire, values, v.FieldByName(field), m); err != nil {
			return err
		}
	}
	for key := range query {
		if !known.Has(key) {
			return fmt.Errorf("%s: unknown member, in the query", key)
		}
	}
	return nil
}

// setTexts decodes a member from its texts; without one it stays unset.
func setTexts(path string, texts []string, v reflect.Value, m member) error {
	if len(texts) == 0 {
		return nil
	}
	switch {
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return setTexts(path, texts, v.Elem(), m)
	case v.Kind() == reflect.Slice:
		if m.where == "header" {
			texts = strings.Split(strings.Join(texts, ","), ",")
		}
		v.Set(reflect.MakeSlice(v.Type(), len(texts), len(texts)))
		for i, text := range texts {
			if err := setTexts(path, []string{strings.TrimSpace(text)}, v.Index(i), m); err != nil {
				return err
			}
		}
		return nil
	case v.Type() == timeType:
		parse := smithytime.ParseDateTime
		if m.http {
			parse = smithytime.ParseHTTPDate
		}
		t, err := parse(texts[0])
		v.Set(reflect.ValueOf(t))
		return err
	}
	return readText(path, texts[0], v)
}

// prefixed are the headers with a prefix, by the rest of their names.
func prefixed(header http.Header, prefix string) map[string]string {
	found := map[string]string{}
	for name, values := range header {
		if rest, ok := strings.CutPrefix(name, http.CanonicalHeaderKey(prefix)); ok {
			found[strings.ToLower(rest)] = values[0]
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found
}

// readPayload decodes a body that is one member: a stream, or a structure.
func (p restProtocol) readPayload(raw []byte, v reflect.Value) error {
	if v.Kind() == reflect.Interface {
		v.Set(reflect.ValueOf(bytes.NewReader(raw)))
		return nil
	}
	v.Set(reflect.New(v.Type().Elem()))
	return p.read(raw, v.Elem())
}

func (p restProtocol) encode(w http.ResponseWriter, r *request, name string, out any) error {
	v := reflect.ValueOf(out).Elem()
	shape := shapeOf(p.service, v.Type().Name())
	var body bytes.Buffer
	root := v
	for field, value := range fields(v) {
		switch m := shape.member(field); m.where {
		case "header":
			w.Header().Set(shape.wire(field), headerText(value, m))
		case "prefix":
			for key, text := range value.Seq2() {
				w.Header().Set(shape.wire(field)+key.String(), text.String())
			}
		case "payload":
			root = value
		}
	}
	if stream, ok := root.Interface().(io.ReadCloser); ok {
		defer stream.Close()
		if _, err := io.Copy(&body, stream); err != nil {
			return err
		}
	} else if err := p.write(&body, name, root); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body.Bytes()) // a caller who has gone needs no answer
	}
	return nil
}

// headerText is a member as a header writes it.
func headerText(v reflect.Value, m member) string {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if t, ok := v.Interface().(time.Time); ok && m.http {
		return smithytime.FormatHTTPDate(t)
	}
	return textOf(v)
}

// unchunked is a request's body without the frames that signed or checksummed
// streams have (Amazon S3 API Reference, "Signature calculations for the
// Authorization header: transferring payload in multiple chunks").
func unchunked(r *request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return r.body, nil
	}
	var whole []byte
	rest := r.body
	for {
		line, after, ok := bytes.Cut(rest, []byte("\r\n"))
		var size int
		if _, err := fmt.Sscanf(string(line), "%x", &size); err != nil || !ok || size+2 > len(after) && size > 0 {
			return nil, errors.New("the body's chunks can't be read")
		}
		if size == 0 {
			return whole, nil
		}
		whole, rest = append(whole, after[:size]...), after[size+2:]
	}
}

// jsonBody is restJson1's.
type jsonBody struct{ service string }

func (b jsonBody) read(raw []byte, v reflect.Value) error {
	sent, err := parseJSON(raw)
	if err != nil {
		return err
	}
	in := v.Addr().Interface()
	return understand(sent, in, func() (any, error) { return jsonTree(in, spelling(b.service)) })
}

func (b jsonBody) write(to *bytes.Buffer, _ string, v reflect.Value) error {
	raw, err := marshal(v.Addr().Interface(), spelling(b.service))
	to.Write(raw)
	return err
}

func (b jsonBody) fail(w http.ResponseWriter, _ *request, f failure) {
	w.Header().Set("X-Amzn-ErrorType", f.shape)
	_ = writeJSON(w, "application/json", f.status, f.tree(spelling(b.service)))
}

// xmlBody is restXml's.
type xmlBody struct{ xmlCodec }

func (b xmlBody) read(raw []byte, v reflect.Value) error {
	root, err := parseXML(raw)
	if err != nil {
		return err
	}
	return b.xmlCodec.read("", root, v, "")
}

// bare are the operations whose only member is the document's root.
var bare = map[string]string{"GetBucketLocation": "LocationConstraint"}

func (b xmlBody) write(to *bytes.Buffer, name string, v reflect.Value) error {
	if member, ok := bare[name]; ok {
		name, v = member, v.FieldByName(member)
	}
	b.xmlCodec.write(to, name, v, plainMember)
	return nil
}

func (b xmlBody) fail(w http.ResponseWriter, _ *request, f failure) {
	text := f.xml(b.service)
	if b.service != "s3" { // whose errors have no frame
		text = "<ErrorResponse>" + text + "<RequestId>" + requestID + "</RequestId></ErrorResponse>"
	}
	writeXML(w, f.status, []byte(text))
}
