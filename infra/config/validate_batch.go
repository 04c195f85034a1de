package config

// checkBatch checks the jobs' sizes.
func (d *decoder) checkBatch(batch Batch) {
	d.checkJob("batch.jobs.userImport", batch.Jobs.UserImport, batch.MaxVcpus)
	d.checkJob("batch.jobs.testCaseImport", batch.Jobs.TestCaseImport, batch.MaxVcpus)
}

// checkJob checks that Fargate has the size and that it fits.
func (d *decoder) checkJob(path string, job Job, maxVcpus int) {
	d.fargate(job.CPU, job.Memory, path)
	d.check(job.CPU <= maxVcpus*1024, path+".cpu", "is more than batch.maxVcpus: the job would wait for ever",
		"write less, or a larger maxVcpus", "batch.maxVcpus")
}
