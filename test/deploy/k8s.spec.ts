/**
 * deploy/k8s, as far as that can be said without a cluster: each manifest keeps to the schema that Kubernetes or KEDA publishes for its kind, has no
 * member that nobody asked for (which those schemas let through), and agrees with the worker.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { readConfig } from '../../src/config.ts';
import { durationMs } from '../../src/policies/duration.ts';
import { healthRoutes } from '../../src/worker/health-routes.ts';

const folder = join(import.meta.dirname, '../../deploy/k8s');

const labels = z.record(z.string(), z.string());
const selector = z.strictObject({ matchLabels: labels });
const metadata = z.strictObject({ name: z.string().regex(/^[a-z0-9-]{1,63}$/), labels: labels.optional() });
const port = z.strictObject({ port: z.int().min(1).max(65_535), protocol: z.enum(['TCP', 'UDP']) });
const peers = z.array(z.strictObject({ podSelector: selector.optional(), namespaceSelector: selector.optional() }));
const probe = z.strictObject({
  httpGet: z.strictObject({ path: z.string().startsWith('/'), port: z.string() }),
  periodSeconds: z.int().min(1),
  timeoutSeconds: z.int().min(1),
  failureThreshold: z.int().min(1).optional(),
});
const quantity = z.string().regex(/^\d+(m|Ki|Mi|Gi)?$/);
const quantities = z.strictObject({ cpu: quantity.optional(), memory: quantity.optional() });

const Container = z.strictObject({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()),
  env: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  ports: z.array(z.strictObject({ name: z.string().max(15), containerPort: z.int() })),
  livenessProbe: probe,
  readinessProbe: probe,
  resources: z.strictObject({ requests: quantities, limits: quantities }),
  securityContext: z.strictObject({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.strictObject({ drop: z.tuple([z.literal('ALL')]) }),
  }),
  volumeMounts: z.array(
    z.strictObject({ name: z.string(), mountPath: z.string().startsWith('/'), readOnly: z.boolean().optional() }),
  ),
});

const SHAPES = {
  'apps/v1 Deployment': z.strictObject({
    selector,
    strategy: z.strictObject({
      type: z.literal('RollingUpdate'),
      rollingUpdate: z.strictObject({ maxUnavailable: z.int(), maxSurge: z.int() }),
    }),
    template: z.strictObject({
      metadata: z.strictObject({ labels }),
      spec: z.strictObject({
        terminationGracePeriodSeconds: z.int(),
        automountServiceAccountToken: z.literal(false),
        securityContext: z.strictObject({
          runAsNonRoot: z.literal(true),
          runAsUser: z.int().min(1),
          runAsGroup: z.int().min(1),
          fsGroup: z.int().min(1),
          seccompProfile: z.strictObject({ type: z.literal('RuntimeDefault') }),
        }),
        containers: z.tuple([Container]),
        volumes: z.array(
          z.union([
            z.strictObject({
              name: z.string(),
              secret: z.strictObject({ secretName: z.string(), defaultMode: z.int() }),
            }),
            z.strictObject({ name: z.string(), emptyDir: z.strictObject({ sizeLimit: quantity }) }),
          ]),
        ),
      }),
    }),
  }),
  'policy/v1 PodDisruptionBudget': z.strictObject({ maxUnavailable: z.int().min(1), selector }),
  'networking.k8s.io/v1 NetworkPolicy': z.strictObject({
    podSelector: selector,
    policyTypes: z.tuple([z.literal('Ingress'), z.literal('Egress')]),
    ingress: z.array(z.strictObject({ from: peers, ports: z.array(port) })),
    egress: z.array(z.strictObject({ to: peers.optional(), ports: z.array(port) })),
  }),
  'keda.sh/v1alpha1 TriggerAuthentication': z.strictObject({
    secretTargetRef: z.array(z.strictObject({ parameter: z.literal('host'), name: z.string(), key: z.string() })),
  }),
  'keda.sh/v1alpha1 ScaledObject': z.strictObject({
    scaleTargetRef: z.strictObject({ name: z.string() }),
    pollingInterval: z.int().min(1),
    cooldownPeriod: z.int().min(0),
    minReplicaCount: z.int().min(0),
    maxReplicaCount: z.int().min(1),
    triggers: z.array(
      z.strictObject({
        type: z.literal('rabbitmq'),
        metadata: z.strictObject({
          protocol: z.literal('http'),
          queueName: z.string(),
          mode: z.enum(['QueueLength', 'MessageRate']),
          value: z.string().regex(/^\d+$/),
        }),
        authenticationRef: z.strictObject({ name: z.string() }),
      }),
    ),
  }),
} as const;

type Model = new (manifest: unknown) => { validate(): void };

// Their own types do not hold under `exactOptionalPropertyTypes`, so they are not looked at.
const require = createRequire(import.meta.url);
const apps = require('kubernetes-models/apps/v1') as Record<'Deployment', Model>;
const policy = require('kubernetes-models/policy/v1') as Record<'PodDisruptionBudget', Model>;
const networking = require('kubernetes-models/networking.k8s.io/v1') as Record<'NetworkPolicy', Model>;
const keda = require('@kubernetes-models/keda/keda.sh/v1alpha1') as Record<
  'ScaledObject' | 'TriggerAuthentication',
  Model
>;

/** By the schemas that are published for them. */
const PUBLISHED: Readonly<Record<keyof typeof SHAPES, Model>> = {
  'apps/v1 Deployment': apps.Deployment,
  'policy/v1 PodDisruptionBudget': policy.PodDisruptionBudget,
  'networking.k8s.io/v1 NetworkPolicy': networking.NetworkPolicy,
  'keda.sh/v1alpha1 TriggerAuthentication': keda.TriggerAuthentication,
  'keda.sh/v1alpha1 ScaledObject': keda.ScaledObject,
};

const Head = z.strictObject({ apiVersion: z.string(), kind: z.string(), metadata, spec: z.unknown() });

const documentsOf = (file: string): readonly z.output<typeof Head>[] =>
  parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => {
    expect(document.errors, file).to.deep.equal([]);
    return Head.parse(document.toJS());
  });

/** The one manifest of that kind, in its shape. */
function manifest<Kind extends keyof typeof SHAPES>(kind: Kind) {
  const found = all().filter(({ apiVersion, kind: name }) => `${apiVersion} ${name}` === kind);
  expect(found, kind).to.have.length(1);
  return { name: found[0]?.metadata.name, spec: SHAPES[kind].parse(found[0]?.spec) as z.output<(typeof SHAPES)[Kind]> };
}

const all = () => ['worker.yaml', 'keda.yaml'].flatMap(documentsOf);

describe('deploy/k8s', () => {
  const deployment = () => manifest('apps/v1 Deployment');
  const pod = () => deployment().spec.template.spec;

  it('has no manifest without a shape, and each has the shape of its kind', () => {
    expect(
      all()
        .map(({ apiVersion, kind }) => `${apiVersion} ${kind}`)
        .sort(),
    ).to.deep.equal(Object.keys(SHAPES).sort());
    for (const kind of Object.keys(SHAPES) as (keyof typeof SHAPES)[]) manifest(kind);
  });

  it('keeps to the published schema of each kind', () => {
    for (const [kind, Published] of Object.entries(PUBLISHED))
      for (const { metadata: head, spec } of all().filter((one) => `${one.apiVersion} ${one.kind}` === kind))
        expect(() => new Published({ metadata: head, spec }).validate(), kind).not.to.throw();
    const [scaling] = all().filter(({ kind }) => kind === 'ScaledObject');
    const wrong = { metadata: scaling?.metadata, spec: { ...(scaling?.spec as object), pollingInterval: 'often' } };
    expect(() => new keda.ScaledObject(wrong).validate()).to.throw('/spec/pollingInterval must be integer');
  });

  it('selects the pods it makes, and scales the deployment there is, by secrets of one name', () => {
    const { labels: made } = deployment().spec.template.metadata;
    expect(deployment().spec.selector.matchLabels).to.deep.equal(made);
    expect(manifest('policy/v1 PodDisruptionBudget').spec.selector.matchLabels).to.deep.equal(made);
    expect(manifest('networking.k8s.io/v1 NetworkPolicy').spec.podSelector.matchLabels).to.deep.equal(made);
    const { spec: scaling } = manifest('keda.sh/v1alpha1 ScaledObject');
    const authentication = manifest('keda.sh/v1alpha1 TriggerAuthentication');
    expect(scaling.scaleTargetRef.name).to.equal(deployment().name);
    for (const { authenticationRef } of scaling.triggers) expect(authenticationRef.name).to.equal(authentication.name);
    const [secret] = pod().volumes.flatMap((volume) => ('secret' in volume ? [volume.secret.secretName] : []));
    expect(authentication.spec.secretTargetRef.map(({ name }) => name)).to.deep.equal([secret]);
  });

  it('gives settings that the worker takes, time enough to stop, and probes that it answers without a token', () => {
    const [{ env, ports, livenessProbe, readinessProbe }] = pod().containers;
    const settings = Object.fromEntries(env.map(({ name, value }) => [name, value]));
    const files: Readonly<Record<string, string>> = {
      '/run/secrets/sluice/amqp-url': 'amqps://sluice:pass@rabbitmq:5671/',
      '/run/secrets/sluice/token': 'a-token-of-some-length-0123456789',
    };
    const inline = Object.fromEntries(
      Object.entries(settings).map(([name, value]) =>
        name.endsWith('_FILE') ? [name.slice(0, -'_FILE'.length), files[value]] : [name, value],
      ),
    );
    const config = readConfig(inline as NodeJS.ProcessEnv);
    expect([config.host, config.token === undefined]).to.deep.equal(['0.0.0.0', false]);
    expect(config.port).to.equal(ports[0]?.containerPort);
    expect(pod().terminationGracePeriodSeconds * 1_000).to.be.greaterThan(
      durationMs(settings.SLUICE_GRACE_PERIOD as '30s') + 5_000 + 3_000,
    );
    const open = healthRoutes(() => ({ isReady: true, state: 'running', waiting: {} })).filter(({ isOpen }) => isOpen);
    for (const { httpGet } of [livenessProbe, readinessProbe]) {
      expect(httpGet.port).to.equal(ports[0]?.name);
      expect(open.map(({ path }) => path)).to.include(httpGet.path);
    }
  });

  it('has a place to write for every path it writes to, and no other', () => {
    const [{ volumeMounts }] = pod().containers;
    expect(volumeMounts.map(({ name }) => name).sort()).to.deep.equal(
      pod()
        .volumes.map(({ name }) => name)
        .sort(),
    );
    const writable = volumeMounts.filter(({ readOnly }) => readOnly !== true).map(({ mountPath }) => mountPath);
    expect(writable).to.deep.equal(['/app/node_modules/.cache']);
  });
});
