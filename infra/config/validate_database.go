package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // time zones where the machine has none
)

// checkDatabase checks what RDS and Aurora for PostgreSQL accept.
func (d *decoder) checkDatabase(env Environment) {
	db := env.DB
	d.checkVersion(db)
	d.checkClass(db)
	d.check(!slices.Contains(reserved, db.Name), "db.name", "is a word of PostgreSQL's or a database that exists already", "choose another name")
	d.check(db.SSLMode != SSLDisable || env.Env == Local, "db.sslMode", withoutTLS[db.Engine], "write verify-full", "env", "db.engine")
	d.check(db.Encrypted || db.KMSKey != KeyCMK, "db.kmsKey", "encrypts nothing while encrypted is false",
		"write aws, or encrypted: true", "db.encrypted")
	d.check(!db.DeletionProtection || env.Removal.Policy != RemovalDestroy, "db.deletionProtection",
		"contradicts removal.policy: destroy, which RDS would refuse", "write false, or removal.policy: retain", "removal.policy")
	if db.Engine == EngineAurora {
		d.checkAurora(env)
	} else {
		d.checkStorageSize(db)
		d.check(db.Readers == 0, "db.readers", "does not apply to RDS, whose standby is multiAz", "write 0", "db.engine")
	}
	d.checkWindow(db.BackupWindow)
	d.checkSchedule(db.Schedule)
}

// withoutTLS says what happens to a connection without it.
var withoutTLS = map[string]string{
	EngineRDS:    "RDS for PostgreSQL 15 refuses connections without TLS (rds.force_ssl)",
	EngineAurora: "Aurora for PostgreSQL 15 would send passwords and data in the clear",
}

// oldestMinor has, per engine and major version, the oldest minor version of
// which AWS still makes new databases.
var oldestMinor = map[string]map[string]int{
	EngineRDS:    {"14": 18, "15": 13, "16": 9, "17": 5, "18": 1},
	EngineAurora: {"14": 17, "15": 10, "16": 8, "17": 4, "18": 3},
}

// checkVersion checks that AWS still has the version.
func (d *decoder) checkVersion(db DB) {
	major, minor, given := strings.Cut(db.Version, ".")
	oldest, known := oldestMinor[db.Engine][major]
	d.check(known, "db.version", "is not a major version with AWS's standard support", `write "14" to "18"`, "db.engine")
	number, _ := strconv.Atoi(minor) // digits, by the key's rule
	d.check(!known || !given || number >= oldest, "db.version", "is so old that AWS makes no new databases of it",
		fmt.Sprintf(`write %q for the newest, or "%s.%d" or later`, major, major, oldest), "db.engine")
}

// Sizes that the families of instance classes have.
const (
	sizesTo16 = "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"
	sizesTo24 = sizesTo16 + " 24xlarge"
	sizesTo32 = sizesTo24 + " 32xlarge"
	sizesTo48 = sizesTo24 + " 48xlarge"
	burstable = "micro small medium large xlarge 2xlarge"
)

// classes has, per engine, the families that run PostgreSQL 14 and later and
// their sizes (Amazon RDS and Aurora user guides, DB instance classes). No
// region has all of them.
var classes = map[string]map[string]string{
	EngineRDS: {
		"t3": burstable, "t4g": burstable,
		"m5": sizesTo24, "m5d": sizesTo24, "m6g": sizesTo16, "m6gd": sizesTo16, "m6i": sizesTo32, "m6id": sizesTo32,
		"m7g": sizesTo16, "m7i": sizesTo48, "m8g": sizesTo48, "m8gd": sizesTo48,
		"r5": sizesTo24, "r5b": sizesTo24, "r5d": sizesTo24, "r6g": sizesTo16, "r6gd": sizesTo16, "r6i": sizesTo32, "r6id": sizesTo32,
		"r7g": sizesTo16, "r7i": sizesTo48, "r8g": sizesTo48, "r8gd": sizesTo48,
		"x2g": sizesTo16, "x2idn": "16xlarge 24xlarge 32xlarge", "x2iedn": "xlarge 2xlarge 4xlarge 8xlarge 16xlarge 24xlarge 32xlarge",
	},
	EngineAurora: {
		"t3": "medium large", "t4g": "medium large",
		"r5": sizesTo24, "r6g": sizesTo16, "r6i": sizesTo32, "r7g": sizesTo16, "r7i": sizesTo48, "r8g": sizesTo48, "x2g": sizesTo16,
	},
}

// checkClass checks that the engine has the instance class.
func (d *decoder) checkClass(db DB) {
	family, size, _ := strings.Cut(db.InstanceClass, ".")
	families := classes[db.Engine]
	sizes := strings.Fields(families[family])
	fix := family + " has " + strings.Join(sizes, ", ")
	if len(sizes) == 0 {
		fix = "it has " + strings.Join(slices.Sorted(maps.Keys(families)), ", ")
	}
	d.check(slices.Contains(sizes, size), "db.instanceClass", "is no class of "+engineNames[db.Engine], fix, "db.engine")
}

// engineNames are for messages.
var engineNames = map[string]string{EngineRDS: "RDS for PostgreSQL", EngineAurora: "Aurora PostgreSQL"}

// Sizes of gp3 volumes for PostgreSQL, from the RDS user guide's page on storage.
const (
	minStorageGiB = 20
	maxStorageGiB = 65536
	iopsFromGiB   = 400
	minIOPS       = 12000
	maxIOPS       = 64000
)

// checkStorageSize checks RDS's volume.
func (d *decoder) checkStorageSize(db DB) {
	d.check(db.StorageGiB >= minStorageGiB, "db.storageGiB", "gp3 volumes don't have this size",
		fmt.Sprintf("write a number from %d to %d", minStorageGiB, maxStorageGiB), "db.engine")
	d.check(db.MaxStorageGiB == 0 || db.MaxStorageGiB*10 >= db.StorageGiB*11,
		"db.maxStorageGiB", "RDS wants it at least 10 % above storageGiB", "write a larger size, or 0 for no growth", "db.storageGiB", "db.engine")
	d.check(db.IOPS == 0 || db.StorageGiB >= iopsFromGiB, "db.iops",
		"gp3's IOPS are fixed at 3,000 below 400 GiB for PostgreSQL", "write 0, or storageGiB: 400 or more", "db.storageGiB", "db.engine")
	d.check(db.IOPS == 0 || db.StorageGiB < iopsFromGiB || db.IOPS >= minIOPS, "db.iops",
		"gp3 doesn't have as few IOPS from 400 GiB", "write 0 or a number from 12000 to 64000", "db.storageGiB", "db.engine")
}

// checkAurora checks what Aurora does otherwise than RDS. What does not apply
// to it has to be off, so that a file says nothing that isn't so.
func (d *decoder) checkAurora(env Environment) {
	db := env.DB
	const grows = "does not apply to Aurora, whose volume grows by itself"
	d.check(db.StorageGiB == 0, "db.storageGiB", grows, "write 0", "db.engine")
	d.check(db.MaxStorageGiB == 0, "db.maxStorageGiB", grows, "write 0", "db.engine")
	d.check(db.IOPS == 0, "db.iops", "does not apply to Aurora, which charges or includes them", "write 0", "db.engine")
	d.check(!db.MultiAZ, "db.multiAz", "does not apply to Aurora, whose standbys are its readers", "write false, and db.readers", "db.engine")
	d.check(db.BackupRetentionDays > 0, "db.backupRetentionDays", "Aurora cannot be without backups", "write 1 or more", "db.engine")
	d.check(env.Monitoring.Alarms != AlarmsFull || env.Monitoring.AuroraBudgetGiB > 0, "monitoring.auroraBudgetGiB",
		"is needed for Aurora's storage alarm", "write the size that you expect, in GiB", "monitoring.alarms", "db.engine")
}

// minBackupMinutes is RDS's shortest backup window.
const minBackupMinutes = 30

// checkWindow checks how long the backup window is.
func (d *decoder) checkWindow(window string) {
	from, to, _ := strings.Cut(window, "-")
	const day = 24 * 60
	d.check((minutes(to)-minutes(from)+day)%day >= minBackupMinutes, "db.backupWindow", "is too short for RDS", "make it 30 minutes or more")
}

// minutes are those since midnight.
func minutes(clock string) int {
	at, _ := time.Parse("15:04", clock) // a time of day, by the key's rule
	return at.Hour()*60 + at.Minute()
}

// checkSchedule checks when the database stops.
func (d *decoder) checkSchedule(schedule Schedule) {
	d.check(schedule.Stop != schedule.Start, "db.schedule.stop", "is when it starts, too", "write another time", "db.schedule.start")
	_, err := time.LoadLocation(schedule.Timezone)
	d.check(err == nil && schedule.Timezone != "" && schedule.Timezone != "Local", "db.schedule.timezone",
		"is not a time zone", "write an IANA name, e.g. Asia/Tokyo or UTC")
	for part := range strings.SplitSeq(schedule.Days, ",") {
		from, to, isRange := strings.Cut(part, "-")
		d.check(!isRange || slices.Index(week, from) < slices.Index(week, to), "db.schedule.days", "has a range that goes backwards",
			"write it from SUN to SAT, e.g. FRI-SAT,SUN-MON")
	}
}

// week is in the order of cron expressions.
var week = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

// reserved has the databases that every server has, and PostgreSQL's reserved
// words, which RDS refuses (PostgreSQL 15, Appendix C).
var reserved = strings.Fields(`postgres rdsadmin template0 template1
	all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
	current_catalog current_date current_role current_time current_timestamp current_user default deferrable desc
	distinct do else end except false fetch for foreign from grant group having in initially intersect into lateral
	leading limit localtime localtimestamp not null offset on only or order placing primary references returning
	select session_user some symmetric table then to trailing true union unique user using variadic when where
	window with`)
