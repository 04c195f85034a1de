package awsfake

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
)

// queryProtocol is AWS's query protocol: forms with dotted names, answered in
// XML (Smithy 2.0, "AWS query protocol").
type queryProtocol struct{}

// operation is the form's Action. A form that can't be read has none.
func (queryProtocol) operation(r *request) string {
	form, _ := url.ParseQuery(string(r.body))
	return form.Get("Action")
}

func (queryProtocol) decode(r *request, _ string, in any) error {
	form, err := url.ParseQuery(string(r.body))
	if err != nil {
		return fmt.Errorf("read the form: %w", err)
	}
	form.Del("Action")
	form.Del("Version")
	root, err := elements("", form)
	if err != nil {
		return err
	}
	return xmlCodec{r.service}.read("", root, reflect.ValueOf(in).Elem(), "")
}

func (queryProtocol) encode(w http.ResponseWriter, r *request, name string, out any) error {
	var body bytes.Buffer
	fmt.Fprintf(&body, "<%sResponse>", name)
	xmlCodec{r.service}.write(&body, name+"Result", reflect.ValueOf(out), plainMember)
	fmt.Fprintf(&body, "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>", requestID, name)
	writeXML(w, http.StatusOK, body.Bytes())
	return nil
}

func (queryProtocol) fail(w http.ResponseWriter, r *request, f failure) {
	writeXML(w, f.status, []byte("<ErrorResponse>"+f.xml(r.service)+"<RequestId>"+requestID+"</RequestId></ErrorResponse>"))
}

// requestID is every answer's.
const requestID = "00000000-0000-4000-8000-000000000000"

// xml is the Error element of the XML protocols.
func (f failure) xml(service string) string {
	var body bytes.Buffer
	body.WriteString("<Error>")
	for _, part := range [][2]string{{"Type", f.fault()}, {"Code", f.code}, {"Message", f.message}} {
		xmlCodec{service}.write(&body, part[0], reflect.ValueOf(part[1]), plainMember)
	}
	if f.typed != nil {
		for name, value := range fields(reflect.ValueOf(f.typed).Elem()) {
			if name != "Message" {
				xmlCodec{service}.write(&body, name, value, plainMember)
			}
		}
	}
	body.WriteString("</Error>")
	return body.String()
}

func writeXML(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(xml.Header), body...)) // a caller who has gone needs no answer
}

// elements turns a form into the element it stands for: "Tags.member.1.Key" is
// the Key in the first member of Tags.
func elements(name string, form url.Values) (*element, error) {
	e := &element{name: name}
	inner := map[string]url.Values{}
	for key, values := range form {
		head, rest, dotted := strings.Cut(key, ".")
		if len(values) != 1 {
			return nil, fmt.Errorf("%s: given twice", key)
		}
		if key == "" {
			e.text = values[0]
			continue
		}
		if inner[head] == nil {
			inner[head] = url.Values{}
		}
		if dotted && rest == "" {
			return nil, fmt.Errorf("%s: no member's name", key)
		}
		inner[head][rest] = values
	}
	for head, members := range inner {
		children, err := numbered(head, members)
		if err != nil {
			return nil, err
		}
		e.children = append(e.children, children...)
	}
	return e, nil
}

// numbered are the elements of one name: one, or those of "1.", "2." …
func numbered(name string, members url.Values) ([]*element, error) {
	items := map[string]url.Values{}
	for key, values := range members {
		index, rest, _ := strings.Cut(key, ".")
		if _, err := strconv.Atoi(index); err != nil {
			one, err := elements(name, members)
			return []*element{one}, err
		}
		if items[index] == nil {
			items[index] = url.Values{}
		}
		items[index][rest] = values
	}
	var list []*element
	for i := range len(items) {
		item, ok := items[strconv.Itoa(i+1)]
		if !ok {
			return nil, fmt.Errorf("%s: no item %d", name, i+1)
		}
		one, err := elements(name, item)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}
