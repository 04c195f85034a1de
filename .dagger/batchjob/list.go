package batchjob

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/.dagger/logs"
	"github.com/prooflink/prooflink/infra/config"
)

// Filter is which jobs are listed.
type Filter struct {
	// Job is what they run, e.g. "user-import"; empty means all.
	Job string
	// Status is Batch's state, e.g. "RUNNING" or "failed"; empty means all.
	Status string
	// Since is from when on, like "2h", "1d" or "2026-11-22T09:00:00Z"; empty means
	// as long as Batch remembers.
	Since string
	// Limit is how many are listed, the newest first; 0 means 20.
	Limit int
}

const (
	// defaultLimit and mostListed are how many jobs are listed, unless it is said
	// and at all.
	defaultLimit = 20
	mostListed   = 500
	// mostPages is how many pages of 100 jobs are looked at (AWS Batch API
	// Reference, ListJobs).
	mostPages = 20
)

// Listing are jobs of an environment, the newest first.
type Listing struct {
	Env   string    `json:"env"`
	Queue string    `json:"queue"`
	Jobs  []Outcome `json:"jobs"`
	// More says that there are jobs that aren't listed.
	More bool `json:"more"`
}

// List lists the jobs of the environment's queue in all states, with two calls
// for a hundred of them. Batch remembers a job for about 7 days after its end.
func List(ctx context.Context, access aws.Config, environment config.Environment, filter Filter) (Listing, error) {
	a := newAccount(access, environment)
	listing := Listing{Env: environment.Env, Queue: environment.Names().JobQueue(), Jobs: []Outcome{}}
	filter, err := filter.checked(environment)
	if err != nil {
		return listing, err
	}
	jobs, more, err := a.list(ctx, filter, func(job types.JobSummary) bool { return filter.Status == "" || string(job.Status) == filter.Status })
	if err != nil {
		return listing, err
	}
	listing.More = more
	var ids []string
	for _, job := range jobs {
		ids = append(ids, aws.ToString(job.JobId))
	}
	details, err := a.describeAll(ctx, ids)
	for _, job := range details {
		listing.Jobs = append(listing.Jobs, outcomeOf(environment, job))
	}
	slices.SortStableFunc(listing.Jobs, func(a, b Outcome) int { return b.Created.Compare(a.Created) })
	return listing, err
}

// checked is the filter as it is used.
func (f Filter) checked(environment config.Environment) (Filter, error) {
	f.Status = strings.ToUpper(f.Status)
	if f.Limit == 0 {
		f.Limit = defaultLimit
	}
	n := environment.Names()
	known := []string{jobOf(environment, n.UserImportJob()), jobOf(environment, n.TestCaseImportJob())}
	switch {
	case f.Job != "" && !slices.Contains(known, f.Job):
		return f, fmt.Errorf("job %q is unknown; use one of %s", f.Job, strings.Join(known, ", "))
	case f.Status != "" && !slices.Contains(types.JobStatus("").Values(), types.JobStatus(f.Status)):
		return f, fmt.Errorf("status %q is unknown; use one of %s", f.Status, strings.Join(statuses(), ", "))
	case f.Limit < 0 || f.Limit > mostListed:
		return f, fmt.Errorf("limit %d: write a number from 1 to %d", f.Limit, mostListed)
	}
	_, err := f.since()
	return f, err
}

// statuses are Batch's states in their order.
func statuses() []string {
	var list []string
	for _, status := range types.JobStatus("").Values() {
		list = append(list, string(status))
	}
	return list
}

// since is from when on; every job is younger than a millisecond after 1970.
func (f Filter) since() (time.Time, error) {
	if f.Since == "" {
		return time.UnixMilli(1), nil
	}
	return logs.ParseSince(f.Since, time.Now())
}

// list reads jobs, the newest first, until there are enough of those that are
// meant; true: there may be more. Without a filter ListJobs has only those that
// run, with one it has all states, the newest first (AWS Batch API Reference).
func (a account) list(ctx context.Context, filter Filter, meant func(types.JobSummary) bool) (jobs []types.JobSummary, more bool, err error) {
	since, err := filter.since()
	if err != nil {
		return nil, false, err
	}
	pages := batch.NewListJobsPaginator(a.batch, &batch.ListJobsInput{
		JobQueue: aws.String(a.environment.Names().JobQueue()), Filters: []types.KeyValuesPair{filter.pair(a.environment, since)},
	})
	for read := 0; pages.HasMorePages(); read++ {
		if read == mostPages {
			return jobs, true, nil
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, false, a.unlisted(err)
		}
		for _, job := range page.JobSummaryList {
			switch {
			case moment(job.CreatedAt).Before(since) || !meant(job):
			case filter.Limit > 0 && len(jobs) == filter.Limit:
				return jobs, true, nil
			default:
				jobs = append(jobs, job)
			}
		}
		if n := len(page.JobSummaryList); n > 0 && moment(page.JobSummaryList[n-1].CreatedAt).Before(since) {
			break
		}
	}
	return jobs, false, nil
}

// pair is the one filter that ListJobs takes.
func (f Filter) pair(environment config.Environment, since time.Time) types.KeyValuesPair {
	if f.Job != "" {
		return types.KeyValuesPair{Name: aws.String("JOB_DEFINITION"), Values: []string{environment.Names().Prefix() + "-" + f.Job}}
	}
	return types.KeyValuesPair{Name: aws.String("AFTER_CREATED_AT"), Values: []string{strconv.FormatInt(since.UnixMilli(), 10)}}
}

// unlisted says why the jobs can't be listed.
func (a account) unlisted(err error) error {
	queue := a.environment.Names().JobQueue()
	if code(err) == "ClientException" {
		return fmt.Errorf("list the jobs of queue %s: %w: deploy it with `dagger call deploy --env %s`", queue, err, a.environment.Env)
	}
	return fmt.Errorf("list the jobs of queue %s: %w", queue, advised(err))
}

// Text is a table, a line for each job.
func (l Listing) Text() string {
	if len(l.Jobs) == 0 {
		return fmt.Sprintf("queue %s has no such job; Batch keeps a job for about 7 days after its end\n", l.Queue)
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tSTATE\tEXIT\tSTARTED BY\tINPUT\tSUBMITTED\tQUEUED\tRAN")
	for _, o := range l.Jobs {
		fmt.Fprintln(table, strings.Join(o.listed(), "\t"))
	}
	_ = table.Flush() // a Builder takes everything
	if l.More {
		fmt.Fprintln(&text, "and older ones: raise the limit, or say since when, which job or which status")
	}
	return text.String()
}

// listed are the cells of a job's line.
func (o Outcome) listed() []string {
	exit := "-"
	if o.ExitCode != nil {
		exit = strconv.Itoa(int(*o.ExitCode))
	}
	cells := []string{logs.Short(o.JobID), o.JobName, o.Status, exit, o.Executor, o.InputKey, stamp(o.Created), elapsed(o.queued()), elapsed(o.ran())}
	for i := range cells {
		cells[i] = or(strings.ReplaceAll(plain(cells[i]), "\n", " "), "-")
	}
	return cells
}

// elapsed is a length of time; empty where it isn't known.
func elapsed(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return whole(d)
}

// JSON is the listing for a program: each job has the keys of [Outcome.JSON].
func (l Listing) JSON() string { return indented(l) }
