package release_test

import "github.com/google/go-cmp/cmp"

// ignoreUnexported leaves out the one member of the SDK's structures that isn't
// exported and says nothing.
func ignoreUnexported() cmp.Option {
	return cmp.FilterPath(func(p cmp.Path) bool {
		field, ok := p.Last().(cmp.StructField)
		return ok && field.Name() == "noSmithyDocumentSerde"
	}, cmp.Ignore())
}
