package cost

import "github.com/prooflink/prooflink/infra/templates"

// daysPerMonth is the average.
const daysPerMonth = 365.0 / 12

// buckets cost by what they keep: an assumed amount, or, where objects are
// deleted by age, what is written in that time.
func (e *estimator) buckets(list []resource) {
	for _, r := range list {
		standard, glacier, expires := e.ages(r)
		if !expires {
			e.add(Storage, "S3 Standard", "", e.assume("bucket.gb"), "s3.standard")
			continue
		}
		perDay := e.assume("bucket.log.gb") / daysPerMonth
		e.add(Storage, "S3 Standard", "", perDay*standard, "s3.standard")
		e.add(Storage, "S3 Glacier", "", perDay*glacier, "s3.glacier")
	}
	e.add(Storage, "S3 requests, writing", "", e.assume("bucket.puts.millions"), "s3.put")
	e.add(Storage, "S3 requests, reading", "", e.assume("bucket.gets.millions"), "s3.get")
}

// ages says how many days a bucket's objects stay in S3 Standard and in Glacier,
// and whether all of them are deleted by age.
func (e *estimator) ages(r resource) (standard, glacier float64, expires bool) {
	for i := range r.items("LifecycleConfiguration", "Rules") {
		at := []any{"LifecycleConfiguration", "Rules", i}
		end := e.number(r, append(at, "ExpirationInDays")...)
		if end == 0 || r.Text(append(at, "Prefix")...) != templates.Nothing {
			continue
		}
		standard, glacier, expires = end, 0, true
		if r.Text(append(at, "Transitions", 0, "StorageClass")...) == "GLACIER" {
			standard = min(end, e.number(r, append(at, "Transitions", 0, "TransitionInDays")...))
			glacier = end - standard
		}
	}
	return standard, glacier, expires
}
