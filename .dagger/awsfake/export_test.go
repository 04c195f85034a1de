package awsfake

import "reflect"

// OnType is On for types that are only known at run time.
func (s *Server) OnType(service, name string, in reflect.Type, handle func(any) (any, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers[service+":"+name] = operation{in: in, handle: handle}
}
