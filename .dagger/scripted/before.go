package scripted

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/prooflink/prooflink/infra/names"
)

// bootstrapVersion is that of the CDK's newest bootstrap stack.
const bootstrapVersion = "30"

// begin makes what the account has at the start.
func (w *World) begin() {
	before := w.scenario.Before
	w.making, w.clock = true, w.start.Add(-before.Age)
	if !w.unwell("bootstrap") {
		w.bootstrap()
	}
	if len(before.Deployed) > 0 {
		w.install(asDigests(before.Deployed))
	}
	for _, key := range sortedKeys(before.Parameters) {
		w.put(w.parameterName(key), before.Parameters[key], ssmtypes.ParameterTypeString, nil)
	}
	for key, body := range before.Files {
		if files := w.buckets[w.names.FilesBucket(Account)]; files != nil {
			files[key] = stored{[]byte(body), w.clock}
		}
	}
	w.age()
	w.ruin()
	w.making, w.clock = false, w.start
	for role, state := range before.Stacks {
		w.unsettle(w.names.Stack(names.StackRole(role)), state)
	}
	w.begunBefore()
	w.plot()
}

// parameterName is a parameter's name by its key; a whole name stays.
func (w *World) parameterName(key string) string {
	if strings.HasPrefix(key, "/") {
		return key
	}
	return w.names.Parameter(key)
}

// bootstrap makes what `cdk bootstrap` makes.
func (w *World) bootstrap() {
	s := w.newStack("CDKToolkit")
	bucket := "cdk-hnb659fds-assets-" + Account + "-" + w.region
	s.body = `{"Description":"This stack includes resources needed to deploy AWS CDK apps into this environment"}`
	_ = json.Unmarshal([]byte(s.body), &s.template)
	s.outputs = map[string]string{"BootstrapVersion": bootstrapVersion, "BucketName": bucket, "BucketDomainName": bucket + ".s3." + w.region + ".amazonaws.com",
		"ImageRepositoryName": "cdk-hnb659fds-container-assets-" + Account + "-" + w.region}
	w.tell(s, types.StackStatusCreateComplete, "")
	w.put("/cdk-bootstrap/hnb659fds/version", bootstrapVersion, ssmtypes.ParameterTypeString, nil)
	w.bucket(bucket)
}

// install makes a complete deployment: repositories, images, stacks, service.
func (w *World) install(images map[string]string) {
	before := w.scenario.Before
	for _, role := range w.environment.Stacks() {
		if role == names.Foundation {
			w.installStack(role, images)
			w.publish(images)
			for _, old := range before.Revisions {
				w.publish(map[string]string{"app": asDigest(old)})
			}
		}
	}
	for _, role := range w.environment.Stacks() {
		if role != names.Foundation {
			w.installStack(role, images)
		}
	}
	if s := w.ecs.services[w.names.Service()]; s != nil && before.Exec {
		s.EnableExecuteCommand = true
		for _, t := range w.ecs.tasks {
			t.EnableExecuteCommand = true
		}
	}
	w.earlier()
	if len(before.Released) > 0 {
		w.released(asDigests(before.Released))
	}
}

// published are the images' repositories by the images' names.
func (w *World) published() map[string]string {
	return map[string]string{"app": w.names.AppRepository(), "batch": w.names.BatchRepository(), "fluent-bit": w.names.FluentBitRepository()}
}

// publish pushes images, tagged with a part of their digests.
func (w *World) publish(images map[string]string) {
	for name, repo := range w.published() {
		if digest := images[name]; digest != "" {
			w.push(repo, "i-"+strings.TrimPrefix(digest, "sha256:")[:16], digest)
		}
	}
}

// installStack makes a stack at once.
func (w *World) installStack(role names.StackRole, images map[string]string) {
	s := w.newStack(w.names.Stack(role))
	data, _ := json.Marshal(template(w.environment, role, images, w.scenario.Before.Variant)) // made here, so it encodes
	set := &changeSet{name: "cdk-deploy-change-set", stack: s, kind: types.ChangeSetTypeCreate, body: string(data), created: w.clock}
	set.template, _ = parse(set.body)
	set.parameters = map[string]string{}
	set.changes, _ = w.plan(s, set.template, set.parameters)
	s.protected = protected(w.environment, role)
	w.tell(s, types.StackStatusReviewInProgress, "User Initiated")
	w.apply(s, set)
}

// earlier leaves the task definitions of deployments before the present one.
func (w *World) earlier() {
	family := w.names.TaskFamily()
	have := w.ecs.families[family]
	if len(have) == 0 || len(w.scenario.Before.Revisions) == 0 {
		return
	}
	present := have[0]
	w.ecs.families[family] = nil
	for _, app := range w.scenario.Before.Revisions {
		w.register(w.derive(present, map[string]string{"app": asDigest(app)}))
	}
	present.Revision = int32(len(w.scenario.Before.Revisions) + 1)
	before := present.arn()
	present.TaskDefinitionArn = aws.String(before[:strings.LastIndex(before, ":")+1] + itoa(present.Revision))
	w.ecs.families[family] = append(w.ecs.families[family], present)
	w.rename(before, present.arn())
}

// rename puts a definition's new ARN where its old one stood.
func (w *World) rename(before, after string) {
	for _, s := range w.stacks {
		for _, r := range s.resources {
			if r.physical == before {
				r.physical = after
			}
		}
		for key, value := range s.outputs {
			if value == before {
				s.outputs[key] = after
			}
		}
	}
	for _, s := range w.ecs.services {
		s.TaskDefinition = aws.String(after)
	}
	for _, t := range w.ecs.tasks {
		if aws.ToString(t.TaskDefinitionArn) == before {
			t.TaskDefinitionArn = aws.String(after)
		}
	}
}

// derive is a definition with other images, ready to be registered.
func (w *World) derive(from *definition, images map[string]string) *ecs.RegisterTaskDefinitionInput {
	in := &ecs.RegisterTaskDefinitionInput{}
	data, _ := json.Marshal(from.TaskDefinition) // the SDK's types encode
	_ = json.Unmarshal(data, in)
	in.Tags = from.tags
	for i := range in.ContainerDefinitions {
		c := &in.ContainerDefinitions[i]
		name, _, _ := strings.Cut(aws.ToString(c.Image), "@")
		for image, repo := range w.published() {
			if images[image] != "" && name == w.uri(repo) {
				c.Image = aws.String(name + "@" + images[image])
			}
		}
	}
	return in
}

// released brings other images without CloudFormation.
func (w *World) released(images map[string]string) {
	w.publish(images)
	if s := w.ecs.services[w.names.Service()]; s != nil {
		w.stand(s, w.register(w.derive(s.primary.revision.definition, images)))
	}
	for _, name := range []string{w.names.UserImportJob(), w.names.TestCaseImportJob()} {
		if d := w.job(name); d != nil && images["batch"] != "" {
			in := &batch.RegisterJobDefinitionInput{}
			data, _ := json.Marshal(d) // the SDK's types encode
			_ = json.Unmarshal(data, in)
			in.ContainerProperties.Image = aws.String(w.uri(w.names.BatchRepository()) + "@" + images["batch"])
			w.registerJob(in)
		}
	}
}

// age makes old what was there at the start.
func (w *World) age() {
	for _, family := range w.ecs.families {
		for _, d := range family {
			w.ecs.old[d.arn()] = true
		}
	}
	if status := w.scenario.Before.Database; status != "" {
		for _, d := range w.databases {
			d.set(status, w.start)
		}
	}
}

// unsettle gives a stack a state in which not all is well.
func (w *World) unsettle(name string, state StackState) {
	s := w.stackNamed(name)
	if s == nil {
		s = w.newStack(name)
	}
	status := types.StackStatus(state.Status)
	s.keep()
	if status == types.StackStatusReviewInProgress || status == types.StackStatusRollbackComplete || status == types.StackStatusRollbackFailed {
		s.resources, s.outputs = map[string]*resource{}, map[string]string{}
	}
	if status == types.StackStatusUpdateRollbackFailed {
		w.entangle(s)
	}
	w.tell(s, status, "")
	if state.For <= 0 {
		return
	}
	then := types.StackStatus(state.Then)
	if then == "" {
		then = types.StackStatus(strings.Replace(state.Status, "_IN_PROGRESS", "_COMPLETE", 1))
	}
	w.in(state.For, func() { w.tell(s, then, "") })
}

// entangle leaves a stack whose roll-back has failed with a resource of it.
func (w *World) entangle(s *stack) {
	ids := sortedKeys(s.resources)
	if len(ids) == 0 {
		return
	}
	id := ids[0]
	if s.resources["Service"] != nil {
		id = "Service"
	}
	r := s.resources[id]
	w.report(s, r, types.ResourceStatusUpdateFailed, "")
	s.stuck = []change{{id, r.kind, types.ChangeActionModify, false, r.declared}}
}

// begunBefore begins the deployment that goes on at the start.
func (w *World) begunBefore() {
	s := w.ecs.services[w.names.Service()]
	if s == nil || w.scenario.Before.Rolling == "" {
		return
	}
	digest := asDigest(w.scenario.Before.Rolling)
	w.publish(map[string]string{"app": digest})
	d := w.register(w.derive(s.primary.revision.definition, map[string]string{"app": digest}))
	r := w.deploy(s, d, nil)
	r.stuck = w.scenario.Before.Stuck
	w.ecs.old[d.arn()] = true
	r.created = w.start.Add(-time.Minute)
}
