package awsfake

import (
	"fmt"
	"reflect"
	"slices"
)

// check is what the API checks of a request that it could read: the members it
// requires are there, and enums have one of their values.
func check(service string, in reflect.Value) error {
	return checkValue(service, "", in)
}

func checkValue(service, path string, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return checkValue(service, path, v.Elem())
		}
	case reflect.Struct:
		return checkStruct(service, path, v)
	case reflect.Slice:
		for i := range v.Len() {
			if err := checkValue(service, fmt.Sprintf("%s[%d]", path, i), v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		for key, value := range v.Seq2() {
			if err := checkValue(service, join(path, key.String()), value); err != nil {
				return err
			}
		}
	case reflect.String:
		return checkEnum(path, v)
	}
	return nil
}

func checkStruct(service, path string, v reflect.Value) error {
	for _, name := range shapeOf(service, v.Type().Name()).required {
		if missing(v.FieldByName(name)) {
			return fmt.Errorf("%s: required and missing", join(path, name))
		}
	}
	for name, value := range fields(v) {
		if value.Type() == timeType || name == "Body" {
			continue
		}
		if err := checkValue(service, join(path, name), value); err != nil {
			return err
		}
	}
	return nil
}

// missing says whether a member was left out. A number or a truth value that
// isn't a pointer has a default.
func missing(v reflect.Value) bool {
	return v.IsZero() && v.Kind() != reflect.Bool && !v.CanInt() && !v.CanFloat()
}

// checkEnum compares a string with its type's values, where it has any.
func checkEnum(path string, v reflect.Value) error {
	method := v.MethodByName("Values")
	if !method.IsValid() || v.String() == "" {
		return nil
	}
	values := method.Call(nil)[0]
	known := make([]string, values.Len())
	for i := range known {
		known[i] = values.Index(i).String()
	}
	if !slices.Contains(known, v.String()) {
		return fmt.Errorf("%s: %s is none of %v", path, v, known)
	}
	return nil
}
