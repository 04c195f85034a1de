package awsfake

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	smithytime "github.com/aws/smithy-go/time"
)

// element is what XML and the query protocol's forms carry.
type element struct {
	name     string
	text     string
	children []*element
}

// parseXML reads a document's root element.
func parseXML(raw []byte) (*element, error) {
	root := &element{}
	open := []*element{root}
	d := xml.NewDecoder(bytes.NewReader(raw))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && len(root.children) == 1 {
			return root.children[0], nil
		}
		if err != nil {
			return nil, fmt.Errorf("read XML: %w", err)
		}
		inner := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			child := &element{name: token.Name.Local}
			inner.children = append(inner.children, child)
			open = append(open, child)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			inner.text += string(token)
		}
	}
}

// xmlCodec reads and writes one service's structures.
type xmlCodec struct{ service string }

// read decodes an element into v, strictly. Lists' items are called item.
func (c xmlCodec) read(path string, e *element, v reflect.Value, item string) error {
	switch {
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return c.read(path, e, v.Elem(), item)
	case v.Type() == timeType:
		t, err := smithytime.ParseDateTime(e.text)
		v.Set(reflect.ValueOf(t))
		return err
	case v.Kind() == reflect.Struct:
		return c.readStruct(path, e, v)
	case v.Kind() == reflect.Map:
		return c.readMap(path, e, v)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		return c.readList(path, e, v, item)
	case v.Kind() == reflect.Interface:
		return fillInterface(path, v)
	case len(e.children) > 0:
		return fmt.Errorf("%s: a structure where a value belongs", path)
	}
	return readText(path, e.text, v)
}

func (c xmlCodec) readStruct(path string, e *element, v reflect.Value) error {
	seen, shape := map[string]bool{}, shapeOf(c.service, v.Type().Name())
	for _, child := range e.children {
		name := shape.field(child.name)
		field := fieldOf(v, name)
		at := join(path, child.name)
		m := shape.member(name)
		if !field.IsValid() || m.where != "" {
			return fmt.Errorf("%s: unknown member", at)
		}
		if m.flat {
			if err := c.add(at, child, field); err != nil {
				return err
			}
			continue
		}
		if seen[name] {
			return fmt.Errorf("%s: given twice", at)
		}
		seen[name] = true
		if err := c.read(at, child, field, m.item); err != nil {
			return err
		}
	}
	return nil
}

func (c xmlCodec) readList(path string, e *element, v reflect.Value, item string) error {
	v.Set(reflect.MakeSlice(v.Type(), 0, len(e.children)))
	for _, child := range e.children {
		if child.name != item {
			return fmt.Errorf("%s: unknown member, the list's items are called %s", join(path, child.name), item)
		}
		if err := c.add(path, child, v); err != nil {
			return err
		}
	}
	return nil
}

// add appends an element to a list.
func (c xmlCodec) add(path string, e *element, list reflect.Value) error {
	value := reflect.New(list.Type().Elem()).Elem()
	if err := c.read(fmt.Sprintf("%s[%d]", path, list.Len()), e, value, defaultItem); err != nil {
		return err
	}
	list.Set(reflect.Append(list, value))
	return nil
}

func (c xmlCodec) readMap(path string, e *element, v reflect.Value) error {
	v.Set(reflect.MakeMap(v.Type()))
	for _, entry := range e.children {
		key, value := entry.child("key"), entry.child("value")
		if entry.name != "entry" || len(entry.children) != 2 || key == nil || value == nil {
			return fmt.Errorf("%s: not an entry with a key and a value", join(path, entry.name))
		}
		to := reflect.New(v.Type().Elem()).Elem()
		if err := c.read(join(path, key.text), value, to, defaultItem); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(key.text).Convert(v.Type().Key()), to)
	}
	return nil
}

// child is the first child of that name, nil without one.
func (e *element) child(name string) *element {
	for _, child := range e.children {
		if child.name == name {
			return child
		}
	}
	return nil
}

// readText decodes a scalar's text.
func readText(path, text string, v reflect.Value) (err error) {
	switch {
	case v.Kind() == reflect.String:
		v.SetString(text)
	case v.Kind() == reflect.Bool && (text == "true" || text == "false"):
		v.SetBool(text == "true")
	case v.Kind() == reflect.Slice:
		var raw []byte
		raw, err = base64.StdEncoding.DecodeString(text)
		v.SetBytes(raw)
	case v.CanInt() || v.CanFloat():
		err = setNumber(v, text)
	default:
		return mismatch(path, text, v.Type().String())
	}
	if err != nil {
		return mismatch(path, text, v.Type().String())
	}
	return nil
}

// write encodes v as an element of that name.
func (c xmlCodec) write(to *bytes.Buffer, name string, v reflect.Value, m member) {
	switch {
	case v.Kind() == reflect.Pointer:
		c.write(to, name, v.Elem(), m)
		return
	case v.Kind() == reflect.Slice && m.flat:
		for i := range v.Len() {
			c.write(to, name, v.Index(i), plainMember)
		}
		return
	}
	fmt.Fprintf(to, "<%s>", name)
	switch {
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		for i := range v.Len() {
			c.write(to, m.item, v.Index(i), plainMember)
		}
	case v.Kind() == reflect.Map:
		for key, value := range v.Seq2() {
			to.WriteString("<entry>")
			c.write(to, "key", key, plainMember)
			c.write(to, "value", value, plainMember)
			to.WriteString("</entry>")
		}
	case v.Kind() == reflect.Struct && v.Type() != timeType:
		c.writeMembers(to, v)
	default:
		_ = xml.EscapeText(to, []byte(textOf(v))) // a buffer takes everything
	}
	fmt.Fprintf(to, "</%s>", name)
}

// writeMembers encodes a structure's members that belong into a body.
func (c xmlCodec) writeMembers(to *bytes.Buffer, v reflect.Value) {
	shape := shapeOf(c.service, v.Type().Name())
	for name, value := range fields(v) {
		if m := shape.member(name); m.where == "" {
			c.write(to, shape.wire(name), value, m)
		}
	}
}

// textOf is a scalar as the XML protocols write it.
func textOf(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case time.Time:
		return smithytime.FormatDateTime(value)
	case []byte:
		return base64.StdEncoding.EncodeToString(value)
	}
	return special(fmt.Sprint(v))
}
