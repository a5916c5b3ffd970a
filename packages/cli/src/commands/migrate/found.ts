import { approles } from './approles.ts';
import { type ConnectionOptions, connections } from './connections.ts';
import type { Found } from './item.ts';
import { APPROLES, DATABASES, type FoundMount, mountsOf } from './mounts.ts';
import { namespaces } from './namespaces.ts';
import { policies } from './policies.ts';
import { reading } from './reading.ts';
import { leases, roles } from './roles.ts';
import type { Side } from './side.ts';
import { staticRoles } from './static-roles.ts';

export interface FindOptions extends ConnectionOptions {
  /** The namespace of the source that is read; undefined for its first. */
  readonly namespace: string | undefined;
}

/** Everything of the source that concerns a move, each after what it needs. */
export async function* foundAt(source: Side, target: Side, options: FindOptions): AsyncGenerator<Found> {
  const databases: FoundMount[] = [];
  const approleMounts: FoundMount[] = [];
  yield* policies(source);
  yield* reading('secrets engine', 'sys/mounts', () => mountsOf(source, DATABASES, databases));
  yield* reading('auth method', 'sys/auth', () => mountsOf(source, APPROLES, approleMounts));
  for (const mount of databases) yield* connections(source, target, mount, options);
  for (const mount of databases) yield* staticRoles(source, mount);
  for (const mount of databases) yield* roles(source, mount);
  for (const mount of approleMounts) yield* approles(source, mount);
  for (const mount of databases) yield* leases(source, mount);
  yield* namespaces(source, options.namespace);
}
