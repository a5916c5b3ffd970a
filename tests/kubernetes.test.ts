/** deploy/kubernetes.yaml: no cluster is where tests run, so its fields are looked at, and a server starts with its configuration. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createClient } from '@coffer/client';
import { createCertificateAuthority, eventually, startPostgres, type TestPostgres } from '@coffer/testkit';
import { parseAllDocuments } from 'yaml';
import { DurableHome } from './durable-process.ts';

const TEXT = readFileSync(resolve(import.meta.dirname, '../deploy/kubernetes.yaml'), 'utf8');

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string; readonly scheme: string };
  readonly tcpSocket?: { readonly port: string };
}

interface Container {
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name: string };
  readonly secret?: { readonly secretName: string; readonly defaultMode: number };
  readonly emptyDir?: { readonly medium?: string };
}

type Labels = Readonly<Record<string, string>>;

interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Labels };
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec: {
    readonly selector: Labels & { readonly matchLabels: Labels };
    readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
    readonly clusterIP?: string;
    readonly publishNotReadyAddresses?: boolean;
    readonly maxUnavailable?: number;
    readonly serviceName: string;
    readonly replicas: number;
    readonly template: {
      readonly metadata: { readonly labels: Labels };
      readonly spec: {
        readonly automountServiceAccountToken: boolean;
        readonly terminationGracePeriodSeconds: number;
        readonly topologySpreadConstraints: readonly {
          readonly topologyKey: string;
          readonly labelSelector: { readonly matchLabels: Labels };
        }[];
        readonly securityContext: Readonly<Record<string, unknown>>;
        readonly containers: readonly Container[];
        readonly volumes: readonly Volume[];
      };
    };
  };
}

// Clusters read YAML 1.1, where 0440 is octal.
const documents = parseAllDocuments(TEXT, { strict: true, version: '1.1' });
const resources = documents.map((document) => document.toJS() as Resource);
const find = (kind: string, name: string): Resource =>
  resources.find((each) => each.kind === kind && each.metadata.name === name) ?? assert.fail(`no ${kind} ${name}`);

describe('deploy/kubernetes.yaml', () => {
  const set = find('StatefulSet', 'coffer');
  const pod = set.spec.template.spec;
  const [container = assert.fail('no container')] = pod.containers;
  const labels = { 'app.kubernetes.io/name': 'coffer' };

  it('is YAML of the kinds that a cluster knows', () => {
    for (const { errors, warnings } of documents) assert.deepEqual([...errors, ...warnings], []);
    assert.deepEqual(
      resources.map(({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.name}`),
      [
        'v1 ConfigMap coffer',
        'v1 Secret coffer-store',
        'v1 Service coffer',
        'v1 Service coffer-nodes',
        'policy/v1 PodDisruptionBudget coffer',
        'apps/v1 StatefulSet coffer',
      ],
    );
  });

  it('leads from services and budget to the pods', () => {
    assert.deepEqual(set.spec.template.metadata.labels, labels);
    assert.deepEqual(set.spec.selector.matchLabels, labels);
    const budget = find('PodDisruptionBudget', 'coffer').spec;
    assert.deepEqual([budget.selector.matchLabels, budget.maxUnavailable], [labels, 1]);
    for (const name of ['coffer', 'coffer-nodes']) {
      const { selector, ports } = find('Service', name).spec;
      assert.deepEqual(selector, labels);
      assert.deepEqual(
        ports.map(({ port, targetPort }) => [port, targetPort]),
        [[8200, 'https']],
      );
    }
    assert.deepEqual(
      container.ports.map(({ name, containerPort }) => [name, containerPort]),
      [['https', 8200]],
    );
    const nodes = find('Service', set.spec.serviceName).spec;
    assert.deepEqual([nodes.clusterIP, nodes.publishNotReadyAddresses], ['None', true]);
  });

  it('spreads the pods over zones, and over machines', () => {
    assert.deepEqual(
      pod.topologySpreadConstraints.map(({ topologyKey, labelSelector }) => [topologyKey, labelSelector.matchLabels]),
      ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((key) => [key, labels]),
    );
  });

  it('mounts what there is, or what the page has the reader make', () => {
    const page = readFileSync(resolve(import.meta.dirname, '../docs/install.md'), 'utf8');
    assert.deepEqual(pod.volumes.map(({ name }) => name).sort(), container.volumeMounts.map(({ name }) => name).sort());
    for (const { name, configMap, secret, emptyDir } of pod.volumes) {
      if (configMap !== undefined) find('ConfigMap', configMap.name);
      else if (secret !== undefined) {
        assert.equal(secret.defaultMode, 0o440, name);
        const { secretName } = secret;
        const there = resources.some((each) => each.kind === 'Secret' && each.metadata.name === secretName);
        assert.ok(there || page.includes(`kubectl create secret generic ${secretName} `), secretName);
      } else {
        assert.ok(emptyDir !== undefined, name);
        // A snapshot on its way may be as large as the store.
        assert.notEqual(emptyDir.medium, 'Memory', name);
      }
    }
    for (const { name, readOnly } of container.volumeMounts) assert.equal(readOnly === true, name !== 'tmp', name);
    // Every file that is named is below a mount, and in the Secret that the page makes.
    const made = (secret: string): string =>
      new RegExp(`kubectl create secret generic ${secret} .*`).exec(page)?.[0] ?? '';
    for (const [, mount = '', file = ''] of TEXT.matchAll(/\/etc\/coffer\/(tls|unseal)\/([\w.-]+)/g)) {
      assert.ok(made(`coffer-${mount}`).includes(`--from-file=${file}`), `${mount}/${file}`);
    }
  });

  it('gives the pods no more than they need', () => {
    assert.equal(pod.automountServiceAccountToken, false);
    assert.partialDeepStrictEqual(pod.securityContext, {
      runAsNonRoot: true,
      runAsUser: 1000,
      fsGroup: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    assert.deepEqual(container.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const image = readFileSync(resolve(import.meta.dirname, '../deploy/docker/Dockerfile'), 'utf8');
    assert.ok(image.includes('USER 1000:1000') && image.includes(`-t ${container.image} `));
  });

  it('sends requests to servers that are open, and starts none anew that is only closed', () => {
    assert.deepEqual(container.readinessProbe.httpGet, { path: '/v1/sys/health', port: 'https', scheme: 'HTTPS' });
    assert.equal(container.livenessProbe.httpGet, undefined);
    assert.deepEqual(container.livenessProbe.tcpSocket, { port: 'https' });
  });

  describe('its configuration', () => {
    let database: TestPostgres;
    let home: DurableHome;
    before(async () => {
      database = await startPostgres();
      home = await DurableHome.make();
    });
    after(async () => {
      await home.remove();
      await database.stop();
    });

    it('starts a server, which unseals itself and is ready then', async () => {
      const authority = await createCertificateAuthority();
      const { certificatePem, privateKeyPem } = await authority.issue({
        commonName: 'coffer',
        ipAddresses: ['127.0.0.1'],
      });
      for (const directory of ['etc', 'etc/tls', 'etc/unseal', 'etc/store']) await mkdir(home.path(directory));
      await writeFile(home.path('etc/tls/tls.crt'), certificatePem);
      await writeFile(home.path('etc/tls/tls.key'), privateKeyPem, { mode: 0o440 });
      await writeFile(home.path('etc/unseal/unseal.key'), `${randomBytes(32).toString('hex')}\n`, { mode: 0o440 });
      const here = (text: string): string => text.replaceAll('/etc/coffer/', `${home.path('etc')}/`);
      const config = find('ConfigMap', 'coffer').data?.['coffer.hcl'] ?? '';
      const store = find('Secret', 'coffer-store').stringData?.['store.hcl'] ?? '';
      const { host, port, user, password } = database;
      await database.query(`CREATE SCHEMA AUTHORIZATION "${user}"`);
      const url = `postgres://${user}:${password}@${host}:${port}/${database.database}`;
      await home.configure('', here(config).replace('0.0.0.0:8200', '127.0.0.1:0').replaceAll('NODE', 'coffer-0'));
      await writeFile(
        home.path('etc/store/store.hcl'),
        store.replace(/connection_url = ".*"/, `connection_url = "${url}"`),
      );
      const script = container.args.join('\n');
      assert.match(
        script,
        /^exec \/usr\/local\/bin\/coffer server -config=\/tmp\/coffer\.hcl -config=\/etc\/coffer\/store\/store\.hcl$/m,
      );
      const server = await home.start([`-config=${join(home.path('etc/store'), 'store.hcl')}`]);
      const client = createClient({ address: server.address, token: '', caCert: authority.certificatePem });
      const health = async (): Promise<number> =>
        (await client.request('GET', container.readinessProbe.httpGet?.path.slice(4) ?? '')).status;
      const closed = await health().catch((error: unknown) => (error as { status?: number }).status ?? -1);
      assert.notEqual(closed, 200);
      await client.request('PUT', 'sys/init', { body: { recovery_shares: 1, recovery_threshold: 1 } });
      await eventually(async () => (await health().catch(() => 0)) === 200, 'it is ready');
    });

    it('gives a server more time to end than it takes', () => {
      const config = find('ConfigMap', 'coffer').data?.['coffer.hcl'] ?? '';
      const delay = Number(/shutdown_delay = "(\d+)s"/.exec(config)?.[1]);
      assert.ok(delay > 0 && pod.terminationGracePeriodSeconds > delay + 30);
    });
  });
});
