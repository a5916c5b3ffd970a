import type { JsonObject } from '@coffer/base';
import { othersThan } from './fields.ts';
import type { Found, Kind } from './item.ts';
import { each } from './reading.ts';
import type { Side } from './side.ts';

const DEFAULT = 'each server has its own: compare the two, and write what you have added by hand';
/** What is said of a policy besides its text. */
const ABOUT = ['name', 'policy', 'modified', 'version', 'data_version'];

/** ACL policies, then password policies. */
export async function* policies(source: Side): AsyncGenerator<Found> {
  yield* policiesAt(source, 'policy', 'sys/policies/acl');
  yield* policiesAt(source, 'password policy', 'sys/policies/password');
}

async function* policiesAt(source: Side, kind: Kind, folder: string): AsyncGenerator<Found> {
  yield* each(source, kind, folder, async function* (path, name) {
    // Nobody writes the policy of root tokens.
    if (kind === 'policy' && name === 'root') return;
    if (kind === 'policy' && name === 'default') yield { kind, path, left: DEFAULT, missing: false };
    else yield* onePolicy(source, kind, path);
  });
}

async function* onePolicy(source: Side, kind: Kind, path: string): AsyncGenerator<Found> {
  const data = await source.read(path);
  if (data === undefined) return;
  yield {
    kind,
    path,
    wanted: textOf(data),
    leftOut: othersThan(data, ABOUT),
    present: async (target) => {
      const present = await target.read(path);
      return present && textOf(present);
    },
  };
}

function textOf({ policy }: JsonObject): JsonObject {
  return { policy: policy ?? '' };
}
