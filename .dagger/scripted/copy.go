package scripted

import (
	"reflect"
	"time"
)

// copied is a copy of an answer that shares nothing with the world: it is
// written out after other calls may have changed what it was made of.
func copied[T any](value *T) *T {
	if value == nil {
		return nil
	}
	return deep(reflect.ValueOf(value)).Interface().(*T)
}

// deep copies what a value leads to.
func deep(v reflect.Value) reflect.Value {
	made := reflect.New(v.Type()).Elem()
	made.Set(v)
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			made.Set(reflect.New(v.Type().Elem()))
			made.Elem().Set(deep(v.Elem()))
		}
	case reflect.Slice:
		if !v.IsNil() && v.Type().Elem().Kind() != reflect.Uint8 {
			made.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				made.Index(i).Set(deep(v.Index(i)))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			made.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
			for _, key := range v.MapKeys() {
				made.SetMapIndex(key, deep(v.MapIndex(key)))
			}
		}
	case reflect.Struct:
		deepFields(v, made)
	}
	return made
}

// deepFields copies the exported fields' contents.
func deepFields(v, made reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		return
	}
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() && made.Field(i).CanSet() {
			made.Field(i).Set(deep(v.Field(i)))
		}
	}
}
