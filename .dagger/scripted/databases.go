package scripted

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// starting is how long a database takes to start.
const starting = 5 * time.Minute

// database is an RDS instance or an Aurora cluster.
type database struct {
	name, status string
	cluster      bool
	since        time.Time
}

// databaseCalled makes a database where there is none.
func (w *World) databaseCalled(name string, cluster bool) {
	if w.databases[name] == nil {
		w.databases[name] = &database{name: name, status: "available", cluster: cluster, since: w.clock}
	}
}

// set gives it a status.
func (d *database) set(status string, at time.Time) { d.status, d.since = status, at }

func (w *World) serveDatabases() {
	on(w, "rds", w.describeInstances)
	on(w, "rds", w.describeClustersOfDatabases)
	on(w, "rds", func(in *rds.StartDBInstanceInput) (*rds.StartDBInstanceOutput, error) {
		d, err := w.startDatabase(aws.ToString(in.DBInstanceIdentifier), false)
		if err != nil {
			return nil, err
		}
		return &rds.StartDBInstanceOutput{DBInstance: w.instance(d)}, nil
	})
	on(w, "rds", func(in *rds.StartDBClusterInput) (*rds.StartDBClusterOutput, error) {
		d, err := w.startDatabase(aws.ToString(in.DBClusterIdentifier), true)
		if err != nil {
			return nil, err
		}
		return &rds.StartDBClusterOutput{DBCluster: w.databaseCluster(d)}, nil
	})
}

// databaseNamed finds an instance or a cluster.
func (w *World) databaseNamed(name string, cluster bool) (*database, error) {
	if d := w.databases[name]; d != nil && d.cluster == cluster {
		return d, nil
	}
	if cluster {
		return nil, awsfake.ErrorStatus(404, "DBClusterNotFoundFault", fmt.Sprintf("DBCluster %s not found.", name))
	}
	return nil, awsfake.ErrorStatus(404, "DBInstanceNotFound", fmt.Sprintf("DBInstance %s not found.", name))
}

// startDatabase starts what is stopped.
func (w *World) startDatabase(name string, cluster bool) (*database, error) {
	d, err := w.databaseNamed(name, cluster)
	if err != nil {
		return nil, err
	}
	if d.status != "stopped" {
		if cluster {
			return nil, awsfake.Error("InvalidDBClusterStateFault", fmt.Sprintf("DbCluster %s is in %s state but expected it to be one of stopped,inaccessible-encryption-credentials-recoverable.", name, d.status))
		}
		return nil, awsfake.Error("InvalidDBInstanceState", fmt.Sprintf("Instance %s is not in stopped state.", name))
	}
	d.set("starting", w.clock)
	w.in(starting, func() { d.set("available", w.clock) })
	return d, nil
}

// instance is a database as RDS describes an instance.
func (w *World) instance(d *database) *types.DBInstance {
	return &types.DBInstance{
		DBInstanceIdentifier: &d.name, DBInstanceStatus: &d.status, Engine: aws.String("postgres"), EngineVersion: &w.environment.DB.Version,
		DBInstanceArn: aws.String(w.arn("rds", "db:"+d.name)), Endpoint: &types.Endpoint{Address: aws.String(d.name + ".abcdefghijkl." + w.region + ".rds.amazonaws.com"), Port: aws.Int32(5432)},
	}
}

// databaseCluster is one as RDS describes a cluster.
func (w *World) databaseCluster(d *database) *types.DBCluster {
	return &types.DBCluster{
		DBClusterIdentifier: &d.name, Status: &d.status, Engine: aws.String("aurora-postgresql"), EngineVersion: &w.environment.DB.Version,
		DBClusterArn: aws.String(w.arn("rds", "cluster:"+d.name)), Endpoint: aws.String(d.name + ".cluster-abcdefghijkl." + w.region + ".rds.amazonaws.com"), Port: aws.Int32(5432),
	}
}

func (w *World) describeInstances(in *rds.DescribeDBInstancesInput) (*rds.DescribeDBInstancesOutput, error) {
	if in.DBInstanceIdentifier != nil {
		d, err := w.databaseNamed(*in.DBInstanceIdentifier, false)
		if err != nil {
			return nil, err
		}
		return &rds.DescribeDBInstancesOutput{DBInstances: []types.DBInstance{*w.instance(d)}}, nil
	}
	var all []types.DBInstance
	for _, name := range sortedKeys(w.databases) {
		if d := w.databases[name]; !d.cluster {
			all = append(all, *w.instance(d))
		}
	}
	some, next, err := page(w, all, in.Marker, limit(in.MaxRecords, 100))
	return &rds.DescribeDBInstancesOutput{DBInstances: some, Marker: next}, err
}

func (w *World) describeClustersOfDatabases(in *rds.DescribeDBClustersInput) (*rds.DescribeDBClustersOutput, error) {
	if in.DBClusterIdentifier != nil {
		d, err := w.databaseNamed(*in.DBClusterIdentifier, true)
		if err != nil {
			return nil, err
		}
		return &rds.DescribeDBClustersOutput{DBClusters: []types.DBCluster{*w.databaseCluster(d)}}, nil
	}
	var all []types.DBCluster
	for _, name := range sortedKeys(w.databases) {
		if d := w.databases[name]; d.cluster {
			all = append(all, *w.databaseCluster(d))
		}
	}
	some, next, err := page(w, all, in.Marker, limit(in.MaxRecords, 100))
	return &rds.DescribeDBClustersOutput{DBClusters: some, Marker: next}, err
}
