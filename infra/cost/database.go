package cost

import (
	"fmt"
	"strings"

	"github.com/prooflink/prooflink/infra/templates"
)

const (
	// ownIOPS and ownLargeIOPS are what a gp3 volume of RDS for PostgreSQL has
	// without charge, the latter from largeGiB on.
	ownIOPS      = 3000
	ownLargeIOPS = 12000
	largeGiB     = 400
	// freeInsightsDays is how long Performance Insights are kept without charge.
	freeInsightsDays = 7
	// aurora begins the names of Aurora's engines.
	aurora = "aurora"
)

// instances cost by the hour while they run, and a standby in a second zone as
// much again.
func (e *estimator) instances(list []resource) {
	running := e.running()
	for _, r := range list {
		class := strings.TrimPrefix(r.Text("DBInstanceClass"), "db.")
		engine, kind := "rds.", "RDS PostgreSQL"
		if strings.HasPrefix(r.Text("Engine"), aurora) {
			engine, kind = "aurora.", "Aurora PostgreSQL"
		}
		detail := "db." + class + zones(r) + running.text
		e.zoned(r, kind+" instances", detail, e.hours()*running.share, engine+class)
		e.insightsOf(r)
		if engine == "rds." {
			e.volume(r)
		}
	}
}

// zones says in how many zones an instance is.
func zones(r resource) string {
	if r.Text("MultiAZ") == "true" {
		return ", two zones"
	}
	return ""
}

// zoned adds what costs twice in two zones.
func (e *estimator) zoned(r resource, item, detail string, quantity float64, id string) {
	price, ok := e.prices.price(id)
	if !ok {
		e.unpriced(item, 1, fmt.Sprintf("the price table has no %q; add it there", id))
		return
	}
	if r.Text("MultiAZ") == "true" {
		price = price.times(e.prices.factor("multiAz"))
		price.Note = "twice the price of one zone"
	}
	e.addAt(Database, item, detail, quantity, price)
}

// volume is an RDS instance's storage. It costs while the instance is stopped, too.
func (e *estimator) volume(r resource) {
	gb := e.number(r, "AllocatedStorage")
	e.zoned(r, "RDS storage", fmt.Sprintf("%v GB gp3%s", gb, zones(r)), gb, "rds.gp3")
	own := float64(ownIOPS)
	if gb >= largeGiB {
		own = ownLargeIOPS
	}
	if more := e.number(r, "Iops") - own; more > 0 {
		e.zoned(r, "RDS storage, IOPS", "", more, "rds.iops")
	}
	if e.number(r, "BackupRetentionPeriod") > 0 {
		e.add(Database, "RDS backups", "", e.assume("backup.gb"), "rds.backup")
	}
}

// insightsOf shows Performance Insights that are kept longer than is free.
func (e *estimator) insightsOf(r resource) {
	if e.number(r, "PerformanceInsightsRetentionPeriod") > freeInsightsDays || r.Text("DatabaseInsightsMode") == "advanced" {
		e.unpriced("Performance Insights", 1, "only seven days are free; see AWS's price list for more")
	}
}

// clusters of Aurora cost by what they store and by their I/O.
func (e *estimator) clusters(list []resource) {
	for _, r := range list {
		if r.Text("ServerlessV2ScalingConfiguration") != templates.Nothing || r.Text("StorageType") == "aurora-iopt1" {
			e.unpriced(r.Type, 1, "only provisioned instances with Aurora Standard are priced")
			continue
		}
		e.add(Database, "Aurora storage", "", e.assume("aurora.gb"), "aurora.storage")
		e.add(Database, "Aurora I/O", "", e.assume("aurora.io.millions"), "aurora.io")
		if e.number(r, "BackupRetentionPeriod") > 1 {
			e.add(Database, "Aurora backups", "", e.assume("aurora.backup.gb"), "aurora.backup")
		}
	}
}
