package awsfake

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	smithytime "github.com/aws/smithy-go/time"
)

// A tree is what JSON and CBOR carry: map[string]any, []any, string, bool, nil
// and json.Number, and for CBOR also []byte and epoch.

// epoch is CBOR's timestamp: seconds, in a number's text.
type epoch string

var timeType = reflect.TypeFor[time.Time]()

// fill decodes a tree into v, strictly. Names begin with an upper-case letter
// in Go whatever the wire's name is; [misspelt] finds those that differ in it.
func fill(path string, node any, v reflect.Value) error {
	switch {
	case node == nil: // the clients' way to leave a member out
		return nil
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return fill(path, node, v.Elem())
	case v.Type() == timeType:
		return fillTime(path, node, v)
	}
	switch v.Kind() {
	case reflect.Struct:
		return fillStruct(path, node, v)
	case reflect.Slice:
		return fillList(path, node, v)
	case reflect.Map:
		return fillMap(path, node, v)
	case reflect.String:
		return fillString(path, node, v)
	case reflect.Bool:
		return fillBool(path, node, v)
	case reflect.Interface:
		return fillInterface(path, v)
	}
	return fillNumber(path, node, v)
}

func fillStruct(path string, node any, v reflect.Value) error {
	members, ok := node.(map[string]any)
	if !ok {
		return mismatch(path, node, "a structure")
	}
	for name, member := range members {
		field := fieldOf(v, upper(name))
		if !field.IsValid() {
			return fmt.Errorf("%s: unknown member", join(path, name))
		}
		if err := fill(join(path, name), member, field); err != nil {
			return err
		}
	}
	return nil
}

func fillList(path string, node any, v reflect.Value) error {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return fillBlob(path, node, v)
	}
	items, ok := node.([]any)
	if !ok {
		return mismatch(path, node, "a list")
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		if err := fill(fmt.Sprintf("%s[%d]", path, i), item, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func fillMap(path string, node any, v reflect.Value) error {
	entries, ok := node.(map[string]any)
	if !ok {
		return mismatch(path, node, "a map")
	}
	v.Set(reflect.MakeMap(v.Type()))
	for key, entry := range entries {
		value := reflect.New(v.Type().Elem()).Elem()
		if err := fill(join(path, key), entry, value); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), value)
	}
	return nil
}

func fillBlob(path string, node any, v reflect.Value) error {
	if raw, ok := node.([]byte); ok {
		v.SetBytes(raw)
		return nil
	}
	text, ok := node.(string)
	raw, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil {
		return mismatch(path, node, "bytes in base64")
	}
	v.SetBytes(raw)
	return nil
}

func fillString(path string, node any, v reflect.Value) error {
	text, ok := node.(string)
	if !ok {
		return mismatch(path, node, "a string")
	}
	v.SetString(text)
	return nil
}

func fillBool(path string, node any, v reflect.Value) error {
	value, ok := node.(bool)
	if !ok {
		return mismatch(path, node, "true or false")
	}
	v.SetBool(value)
	return nil
}

// fillInterface refuses unions and documents: nothing of a Go interface says
// at run time which types are its members.
func fillInterface(path string, v reflect.Value) error {
	return fmt.Errorf("%s: this server can't read a %s", path, v.Type())
}

func fillNumber(path string, node any, v reflect.Value) error {
	text, ok := node.(json.Number)
	if special, isText := node.(string); isText && !v.CanInt() {
		text, ok = json.Number(special), map[string]bool{"NaN": true, "Infinity": true, "-Infinity": true}[special]
	}
	if !ok || setNumber(v, string(text)) != nil {
		return mismatch(path, node, "a number ("+v.Kind().String()+")")
	}
	return nil
}

// setNumber reads a number's text into v, an integer or a float of any size.
func setNumber(v reflect.Value, text string) error {
	if v.CanInt() {
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		v.SetInt(n)
		return err
	}
	n, err := strconv.ParseFloat(text, v.Type().Bits())
	v.SetFloat(n)
	return err
}

func fillTime(path string, node any, v reflect.Value) error {
	switch value := node.(type) {
	case json.Number:
		node = epoch(value)
	case string:
		t, err := smithytime.ParseDateTime(value)
		v.Set(reflect.ValueOf(t))
		return err
	}
	seconds, ok := node.(epoch)
	f, err := strconv.ParseFloat(string(seconds), 64)
	if !ok || err != nil {
		return mismatch(path, node, "a time")
	}
	v.Set(reflect.ValueOf(smithytime.ParseEpochSeconds(f)))
	return nil
}

// misspelt compares a request's tree with that of what was understood of it: a
// member that isn't there again was spelt otherwise, and a scalar of another
// kind was in another format (a time as text, say).
func misspelt(path string, sent, again any) error {
	switch sent := sent.(type) {
	case map[string]any:
		other, _ := again.(map[string]any)
		for name, member := range sent {
			counterpart, ok := other[name]
			if !ok && !isZero(member) {
				return fmt.Errorf("%s: unknown member, by its spelling", join(path, name))
			}
			if err := misspelt(join(path, name), member, counterpart); ok && err != nil {
				return err
			}
		}
	case []any:
		other, _ := again.([]any)
		for i := range min(len(sent), len(other)) {
			if err := misspelt(fmt.Sprintf("%s[%d]", path, i), sent[i], other[i]); err != nil {
				return err
			}
		}
	default:
		if sent != nil && reflect.TypeOf(sent) != reflect.TypeOf(again) {
			return mismatch(path, sent, fmt.Sprintf("like %v", again))
		}
	}
	return nil
}

// isZero says whether a tree is a default value, which the SDK leaves out
// where the member isn't a pointer.
func isZero(node any) bool {
	number, _ := node.(json.Number)
	f, err := number.Float64()
	return node == nil || node == false || node == "" || err == nil && f == 0
}

// plain is the tree of a value without schemas of its own. Members are called
// as name says, and are left out as the SDK's own serializers do it.
func plain(v reflect.Value, name func(string) string) any {
	switch v.Kind() {
	case reflect.Pointer:
		return plain(v.Elem(), name)
	case reflect.Slice:
		return plainList(v, name)
	case reflect.Map:
		entries := map[string]any{}
		for key, value := range v.Seq2() {
			entries[key.String()] = plain(value, name)
		}
		return entries
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			return smithytime.FormatEpochSeconds(t)
		}
		return plainStruct(v, name)
	case reflect.Float32, reflect.Float64:
		if math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0) {
			return special(fmt.Sprint(v.Float()))
		}
	}
	return v.Interface()
}

// special turns Go's text of a float into the APIs'.
func special(text string) string {
	return strings.TrimPrefix(strings.Replace(text, "Inf", "Infinity", 1), "+")
}

func plainList(v reflect.Value, name func(string) string) any {
	if raw, ok := v.Interface().([]byte); ok {
		return raw // in JSON base64
	}
	items := make([]any, v.Len())
	for i := range items {
		items[i] = plain(v.Index(i), name)
	}
	return items
}

func plainStruct(v reflect.Value, name func(string) string) any {
	members := map[string]any{}
	for field, value := range fields(v) {
		members[name(field)] = plain(value, name)
	}
	return members
}

// fields are a structure's members that are set, by their Go names.
func fields(v reflect.Value) map[string]reflect.Value {
	set := map[string]reflect.Value{}
	for i := range v.NumField() {
		if field := v.Type().Field(i); isMember(field) && !v.Field(i).IsZero() {
			set[field.Name] = v.Field(i)
		}
	}
	return set
}

// fieldOf is the member of that Go name, the zero Value where there is none.
func fieldOf(v reflect.Value, name string) reflect.Value {
	field, ok := v.Type().FieldByName(name)
	if !ok || !isMember(field) {
		return reflect.Value{}
	}
	return v.FieldByIndex(field.Index)
}

// isMember says whether the API knows a struct's field: the SDK adds some.
func isMember(field reflect.StructField) bool {
	return field.IsExported() && !field.Anonymous && field.Name != "ResultMetadata" && field.Name != "ErrorCodeOverride"
}

func upper(name string) string { return first(name, unicode.ToUpper) }
func lower(name string) string { return first(name, unicode.ToLower) }

func first(name string, change func(rune) rune) string {
	r, size := utf8.DecodeRuneInString(name)
	if size == 0 {
		return name
	}
	return string(change(r)) + name[size:]
}

func join(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }

func mismatch(path string, node any, want string) error {
	return fmt.Errorf("%s: %v (%T) is not %s", path, node, node, want)
}
