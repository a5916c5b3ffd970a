/** Configuration that is written, read and deleted as a whole: roles nobody issues from, password policies, entities and groups. */
import type { JsonObject } from '@coffer/base';
import type { ClusterNode } from './cluster-node.ts';
import type { Value } from './linearizable.ts';
import { unexpected } from './policies.ts';
import { is, isAbsent, shown, textOf, Versions, type Worker } from './work.ts';

const versions = new Versions();

interface Kind {
  readonly path: string;
  readonly body: (version: number) => JsonObject;
  readonly version: (data: JsonObject) => string;
}

const PASSWORD_POLICY = (version: number): string =>
  `# version ${version}\nlength = 20\nrule "charset" { charset = "abcdefghij" }`;

const KINDS: readonly Kind[] = ['spare-0', 'spare-1'].flatMap((name) => [
  {
    path: `database/roles/${name}`,
    body: (version) => ({ db_name: 'main', creation_statements: [`SELECT ${version}`], default_ttl: 60 + version }),
    version: (data) => {
      const [, version = ''] = /^\["SELECT (\d+)"\]$/.exec(textOf(data['creation_statements'])) ?? [];
      return Number(data['default_ttl']) === 60 + Number(version) ? version : JSON.stringify(data);
    },
  },
  {
    path: `sys/policies/password/${name}`,
    body: (version) => ({ policy: PASSWORD_POLICY(version) }),
    version: (data) => /^# version (\d+)/.exec(textOf(data['policy']))?.[1] ?? JSON.stringify(data),
  },
  ...['entity', 'group'].map((kind) => ({
    path: `identity/${kind}/name/${name}`,
    body: (version: number) => ({ metadata: { version: String(version) }, policies: [`p-${version}`] }),
    version: ({ metadata, policies }: JsonObject) => {
      const { version } = metadata as { version: string };
      return textOf(policies) === `["p-${version}"]` ? version : 'parts of two versions';
    },
  })),
]);

export class NamedEntries {
  async write(worker: Worker): Promise<void> {
    const { path, body } = worker.random.pick(KINDS);
    const version = versions.next();
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      { kind: 'entry write', method: 'PUT', path, body: body(version) },
      (node) =>
        worker.histories.of(path).invoke(`${worker.name} at ${node}: write ${version}`, { value: String(version) }),
    );
    // It was there when the request came, and a part of it was to be changed; then somebody deleted it.
    if (answer.status === 404) return attempt.answered({ what: 'none', accepts: isAbsent, changed: false });
    if (unexpected(worker, answer, `write ${path}`)) return attempt.unknown();
    attempt.answered();
  }

  async remove(worker: Worker): Promise<void> {
    const { path } = worker.random.pick(KINDS);
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      { kind: 'entry delete', method: 'DELETE', path },
      (node) => worker.histories.of(path).invoke(`${worker.name} at ${node}: delete`, { value: undefined }),
    );
    if (unexpected(worker, answer, `delete ${path}`)) return attempt.unknown();
    attempt.answered();
  }

  async look(worker: Worker): Promise<void> {
    await this.#read(worker, worker.random.pick(KINDS));
  }

  async everywhere(worker: Worker): Promise<void> {
    for (const node of worker.cluster.nodes) for (const kind of KINDS) await this.#read(worker, kind, node);
  }

  async #read(worker: Worker, { path, version }: Kind, node?: ClusterNode): Promise<void> {
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      { kind: 'entry read', method: 'GET', path, ...(node && { node }) },
      (at) => worker.histories.of(path).invoke(`${worker.name} at ${at}: read`),
    );
    if (answer.status !== 404 && unexpected(worker, answer, `read ${path}`)) return attempt.unknown();
    const value: Value = answer.status === 404 ? undefined : version(answer.data);
    attempt.answered({ what: shown(value), accepts: is(value) });
  }
}
