package monitoring

import (
	"strings"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// Statistics of CloudWatch.
const (
	average     = "Average"
	maximum     = "Maximum"
	minimum     = "Minimum"
	sum         = "Sum"
	sampleCount = "SampleCount"
)

// Periods in seconds.
const (
	minute      = 60
	fiveMinutes = 300
	hour        = 3600
)

// errorMetric counts error records (000_e03a210ce428a44a.txt L766).
const errorMetric = "ErrorCount"

// metric is one series of numbers in CloudWatch. A series is found only by all
// of its dimensions together.
type metric struct {
	namespace, name string
	dimensions      []dimension
	statistic       string
	period          int
}

// dimension is a part of a series' name.
type dimension struct{ name, value string }

// with is the metric with another statistic and period.
func (m metric) with(statistic string, period int) metric {
	m.statistic, m.period = statistic, period
	return m
}

// calculation makes one series of others by metric math. The last step is the
// result.
type calculation struct {
	inputs []input
	steps  []step
}

// input is a series under the name that steps use.
type input struct {
	id string
	metric
}

// step is an expression of inputs and earlier steps.
type step struct{ id, expression, label string }

// watch knows the metrics of what is watched.
type watch struct {
	Props
	names names.Names
}

// service is a metric of the ECS service.
func (w watch) service(name string) metric {
	return metric{"AWS/ECS", name, []dimension{
		{"ClusterName", w.Foundation.Cluster}, {"ServiceName", w.names.Service()},
	}, average, fiveMinutes}
}

// errors counts error records.
func (w watch) errors() metric {
	return metric{w.names.ErrorNamespace(), errorMetric, nil, sum, fiveMinutes}
}

// database is a metric of the instance that the application uses: Aurora's
// writer, whichever instance that is at the time.
func (w watch) database(name string) metric {
	if !w.aurora() {
		return metric{"AWS/RDS", name, []dimension{{"DBInstanceIdentifier", w.names.Database()}}, average, fiveMinutes}
	}
	writer := w.cluster(name)
	writer.dimensions = append(writer.dimensions, dimension{"Role", "WRITER"})
	return writer
}

// cluster is a metric of a whole Aurora cluster.
func (w watch) cluster(name string) metric {
	return metric{"AWS/RDS", name, []dimension{{"DBClusterIdentifier", w.names.Database()}}, average, fiveMinutes}
}

// aurora says whether the database is a cluster.
func (w watch) aurora() bool { return w.Env.DB.Engine == config.EngineAurora }

// replicated says whether there is a lag to measure: the standby of an RDS
// instance cannot be read and has no such metric.
func (w watch) replicated() bool { return w.aurora() && w.Env.DB.Readers > 0 }

// storage is what fills up: an instance's free space, or the size of Aurora's
// volume, which has no limit to be near to. Aurora measures it now and then only.
func (w watch) storage() metric {
	if w.aurora() {
		return w.cluster("VolumeBytesUsed").with(maximum, hour)
	}
	return w.database("FreeStorageSpace")
}

// lag is how far Aurora's readers are behind, in milliseconds.
func (w watch) lag() metric { return w.cluster("AuroraReplicaLag").with(maximum, minute) }

// balancer is a metric of the load balancer.
func (w watch) balancer(name string) metric {
	return metric{"AWS/ApplicationELB", name, []dimension{
		{"LoadBalancer", *w.Service.LoadBalancerName},
	}, sum, fiveMinutes}
}

// targets is a metric of the tasks behind it.
func (w watch) targets(name string) metric {
	m := w.balancer(name).with(maximum, minute)
	m.dimensions = append(m.dimensions, dimension{"TargetGroup", *w.Service.TargetGroupName})
	return m
}

// errorRate is the percentage of requests that end in a class of statuses, e.g.
// "5XX". RequestCount lacks those that the load balancer answers itself, and a
// count that is zero isn't there at all.
func (w watch) errorRate(class string) calculation {
	id := strings.ToLower(class)
	requests, tasks, balancer := "requests"+id, "tasks"+id, "balancer"+id
	return calculation{
		inputs: []input{
			{requests, w.balancer("RequestCount")},
			{tasks, w.balancer("HTTPCode_Target_" + class + "_Count")},
			{balancer, w.balancer("HTTPCode_ELB_" + class + "_Count")},
		},
		steps: []step{
			{"total" + id, "FILL(" + requests + ",0)+FILL(" + balancer + ",0)", ""},
			{"failed" + id, "FILL(" + tasks + ",0)+FILL(" + balancer + ",0)", ""},
			{"rate" + id, "IF(total" + id + ">0,100*failed" + id + "/total" + id + ",0)", id + " %"},
		},
	}
}

// endpointBytes is what goes through a VPC endpoint. The S3 endpoint is a
// gateway and has no metric.
func (w watch) endpointBytes(service string) metric {
	return metric{"AWS/PrivateLinkEndpoints", "BytesProcessed", []dimension{
		{"Endpoint Type", "Interface"},
		{"Service Name", "com.amazonaws." + w.Env.Region + "." + service},
		{"VPC Endpoint Id", *w.Network.Endpoints[service]},
		{"VPC Id", *w.Network.VpcID},
	}, sum, fiveMinutes}
}
