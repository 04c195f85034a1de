package lock

import (
	"fmt"
	"strings"
)

// Taken says who has the lock, so that it can't be taken.
type Taken struct {
	// Env is the environment.
	Env string
	// State is the lock as it was read.
	State State
}

func (e *Taken) Error() string {
	return fmt.Sprintf("the lock of %s is taken: %s; %s", e.Env, e.State.describe(), e.State.remedy(e.Env))
}

// Lost is why a run has lost its lock: the cause of its context's end.
type Lost struct {
	// Env is the environment.
	Env string
	// State is the lock as it is now; zero where that is unknown.
	State State
	// Err is why it couldn't be renewed, where nobody has taken it.
	Err error
}

func (e *Lost) Error() string {
	return fmt.Sprintf("lost the lock of %s: %s", e.Env, e.why())
}

func (e *Lost) why() string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.State.FreedBy != "":
		return e.State.FreedBy + " freed it"
	case e.State.Expired:
		return "it has expired"
	case e.State.Token != "":
		return "it is taken: " + e.State.describe()
	}
	return "its parameter was deleted or written by hand"
}

// Unwrap is why it couldn't be renewed.
func (e *Lost) Unwrap() error { return e.Err }

// Unreadable says that the parameter has something in it that isn't a lock.
type Unreadable struct {
	// Env is the environment.
	Env string
	// Parameter is its name and Version the one that can't be read.
	Parameter string
	Version   int64
	// Err is what is wrong with it.
	Err error
	// newest is the parameter's newest version.
	newest int64
}

func (e *Unreadable) Error() string {
	return fmt.Sprintf("read the lock of %s: version %d of the parameter %s is not a lock: %v; when no run is under way: %s",
		e.Env, e.Version, e.Parameter, e.Err, unlock(e.Env))
}

// Unwrap is what is wrong with the value.
func (e *Unreadable) Unwrap() error { return e.Err }

// unlock is the command that frees a lock, whoever has it.
func unlock(env string) string { return "dagger call unlock --env " + env + " --force" }

// describe says who has or had the lock, what for, since when, and what the run
// was last known to do.
func (s State) describe() string {
	parts := []string{s.subject() + " has it since " + clockTime(s.Since)}
	switch {
	case !s.Held && s.FreedBy != "":
		parts = []string{fmt.Sprintf("%s freed that of %s, whose run may notice it only by %s", s.FreedBy, s.subject(), clockTime(s.Expires))}
	case s.Renews:
		parts = append(parts, "renewed "+ago(s.Now.Sub(s.Renewed)))
	default:
		parts = append(parts, "until "+clockTime(s.Expires))
	}
	if s.Step != "" {
		parts = append(parts, "at "+quote(s.Step))
	}
	if s.Run != "" {
		parts = append(parts, s.Run)
	}
	return strings.Join(parts, ", ")
}

// subject is who and what for, e.g. `mika ("deploy")`.
func (s State) subject() string {
	if s.Purpose == "" {
		return s.Who
	}
	return fmt.Sprintf("%s (%s)", s.Who, quote(s.Purpose))
}

// remedy is what somebody else can do.
func (s State) remedy(env string) string {
	if !s.Held {
		return "try again then"
	}
	nobody := "when nobody is behind it"
	if !s.Renews {
		nobody = "when " + s.Who + " agrees"
	}
	return fmt.Sprintf("wait for it with --wait-in-progress, or, %s: %s", nobody, unlock(env))
}
