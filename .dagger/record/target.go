package record

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// App is the image whose digest names a deploy.
const App = "app"

// Unclear says that a word means nothing that was deployed, or several things.
type Unclear struct {
	// Word is what was asked for.
	Word string
	// Means are what it can mean: none, or more than one.
	Means []Meaning
	// History is what there is.
	History []Entry
}

// Meaning is one thing that a word can mean.
type Meaning struct {
	// How the word is read, e.g. "2 steps back".
	How   string
	Entry Entry
}

func (e *Unclear) Error() string {
	if len(e.Means) == 0 {
		return fmt.Sprintf("nothing that was deployed is %q; there is:\n%s", e.Word, Table(e.History))
	}
	var means []string
	for _, meaning := range e.Means {
		means = append(means, fmt.Sprintf("%s is v%d", meaning.How, meaning.Entry.Version))
	}
	return fmt.Sprintf("%q is unclear: %s; say which:\n%s", e.Word, strings.Join(means, ", "), Table(e.History))
}

// ErrNothing says that there is nothing to go back to.
var ErrNothing = errors.New("nothing else was deployed before")

// Target finds what to go back to in a history with the newest first:
//
//	""                        what was deployed before, with other images
//	"2"                       that many changes of images ago
//	"v12"                     a record's version
//	"sha256:0123abc"          the app image's digest, or its beginning, at least 7 digits; also without "sha256:"
//	"0123abc"                 the commit, or its beginning, at least 7 digits
//	"prooflink-dev-task:12"   the task definition, its ARN, or only its revision
//
// What was deployed several times is taken as it was deployed last. A word that
// means nothing or several things is an *Unclear error that lists what there is.
func Target(history []Entry, word string) (Entry, error) {
	if word == "" {
		if before := changes(history); len(before) > 1 {
			return before[1], nil
		}
		return Entry{}, fmt.Errorf("%w:\n%s", ErrNothing, Table(history))
	}
	var means []Meaning
	for _, reading := range readings {
		for _, meaning := range reading(history, word) {
			if !slices.ContainsFunc(means, meaning.same) {
				means = append(means, meaning)
			}
		}
	}
	if len(means) != 1 {
		return Entry{}, &Unclear{word, means, history}
	}
	return means[0].Entry, nil
}

// same says whether two meanings come to the same.
func (m Meaning) same(other Meaning) bool {
	return m.Entry.TaskDefinition == other.Entry.TaskDefinition && maps.Equal(m.Entry.Images, other.Entry.Images)
}

// changes are the entries that were replaced by other images, each as it was
// deployed last.
func changes(history []Entry) []Entry {
	return slices.CompactFunc(slices.Clone(history), func(a, b Entry) bool { return maps.Equal(a.Images, b.Images) })
}

// readings are the ways to read a word.
var readings = []func([]Entry, string) []Meaning{steps, versions, digests, commits, definitions, revisions}

func steps(history []Entry, word string) []Meaning {
	count, err := strconv.Atoi(word)
	before := changes(history)
	if err != nil || count < 1 || count >= len(before) {
		return nil
	}
	return []Meaning{{fmt.Sprintf("%d back", count), before[count]}}
}

func versions(history []Entry, word string) []Meaning {
	return matching(history, "version "+word, func(e Entry) string { return fmt.Sprintf("v%d", e.Version) }, equal(word))
}

// digits are a digest or a commit, or its beginning.
var digits = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

func digests(history []Entry, word string) []Meaning {
	beginning := strings.TrimPrefix(strings.ToLower(word), "sha256:")
	if !digits.MatchString(beginning) {
		return nil
	}
	return matching(history, "the app image "+short(beginning), func(e Entry) string { return e.Images[App] }, prefix("sha256:"+beginning))
}

func commits(history []Entry, word string) []Meaning {
	beginning := strings.ToLower(word)
	if !digits.MatchString(beginning) {
		return nil
	}
	return matching(history, "commit "+short(beginning), func(e Entry) string { return e.Commit }, prefix(beginning))
}

func definitions(history []Entry, word string) []Meaning {
	_, name, isARN := strings.Cut(word, ":task-definition/")
	if !isARN {
		name = word
	}
	if !strings.Contains(name, ":") {
		return nil
	}
	return matching(history, "task definition "+name, definition, equal(name))
}

func revisions(history []Entry, word string) []Meaning {
	return matching(history, "revision "+word, func(e Entry) string {
		_, revision, _ := strings.Cut(definition(e), ":")
		return revision
	}, equal(word))
}

// definition is the task definition's name with its revision.
func definition(e Entry) string {
	_, name, _ := strings.Cut(e.TaskDefinition, ":task-definition/")
	return name
}

func equal(word string) func(string) bool {
	return func(value string) bool { return value == word }
}

func prefix(beginning string) func(string) bool {
	return func(value string) bool { return strings.HasPrefix(value, beginning) }
}

// matching are the entries with a matching value: of those with the same value
// only the newest.
func matching(history []Entry, how string, value func(Entry) string, matches func(string) bool) []Meaning {
	var found []Meaning
	seen := map[string]bool{}
	for _, entry := range history {
		of := value(entry)
		if !seen[of] && matches(of) {
			found = append(found, Meaning{how, entry})
		}
		seen[of] = true
	}
	return found
}

// Table lists a history for people, the newest first.
func Table(history []Entry) string {
	if len(history) == 0 {
		return "  nothing was deployed yet"
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	names := imageNames(history)
	row(table, append([]string{"version", "when", "kind", "who", "commit"}, names...), "task definition")
	for _, e := range history {
		cells := []string{fmt.Sprintf("v%d", e.Version), e.At.UTC().Format("2006-01-02 15:04 UTC"), e.Kind, e.Who, short(e.Commit)}
		for _, name := range names {
			cells = append(cells, short(strings.TrimPrefix(e.Images[name], "sha256:")))
		}
		row(table, cells, or(definition(e), "-")+e.remark())
	}
	_ = table.Flush() // a strings.Builder takes everything
	return strings.TrimRight(text.String(), "\n")
}

// remark is the note, if there is one.
func (e Entry) remark() string {
	if e.Note == "" {
		return ""
	}
	return "  (" + e.Note + ")"
}

// row writes a line; an empty cell is a dash.
func row(table *tabwriter.Writer, cells []string, last string) {
	fmt.Fprint(table, "  ")
	for _, cell := range cells {
		fmt.Fprint(table, or(cell, "-"), "\t")
	}
	fmt.Fprintln(table, last)
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// imageNames are the images that a history knows.
func imageNames(history []Entry) []string {
	all := map[string]bool{}
	for _, entry := range history {
		for name := range entry.Images {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// short are as many digits of a digest or a commit as people need.
func short(hash string) string { return hash[:min(len(hash), 12)] }
