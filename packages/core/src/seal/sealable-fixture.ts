/** What the tests of the seal share: a sealable core whose only engine is a small `sys/`. */
import { silentLogger } from '@coffer/base';
import type { Store } from '@coffer/store';
import { Core } from '../core.ts';
import { type EngineFactory, definePath, type Path } from '@coffer/framework';
import type { AutoSeal } from './auto-seal.ts';
import { SealableCore } from '../sealable-core.ts';
import type { SealControl } from './seal-control.ts';

export const request = (path: string, token = '') =>
  ({ id: '', operation: 'read', path, token, data: {}, remoteAddress: '' }) as const;

export interface SealableFixture {
  readonly store: Store;
  readonly autoSeal?: AutoSeal;
  readonly formerSeal?: AutoSeal;
  readonly clusterName?: string;
  /** What `sys/slow` waits for. */
  readonly slow?: () => Promise<void>;
  readonly onBuild?: () => void;
  readonly onClose?: () => void;
  readonly onSealed?: () => void;
}

/** Serves `sys/seal-status` (also while sealed), `sys/seal` and `sys/slow`. */
export function makeSealable(fixture: SealableFixture): SealableCore {
  const { store, autoSeal, formerSeal, clusterName, slow, onBuild, onClose, onSealed } = fixture;
  return new SealableCore({
    store,
    ...(autoSeal && { autoSeal }),
    ...(formerSeal && { formerSeal }),
    ...(clusterName !== undefined && { clusterName }),
    ...(onSealed && { onSealed }),
    sealedPaths: (control) => [statusPath(control)],
    logger: silentLogger,
    build: ({ barrier, epochs, seal }) => {
      onBuild?.();
      const factory: EngineFactory = () => ({
        paths: [statusPath(seal), sealPath(seal), slowPath(slow)],
        help: '',
        close: async () => undefined,
      });
      const core = new Core({ store, barrier, epochs, builtinPlugins: [], logger: silentLogger });
      core.install({ builtins: new Map([['sys/', { type: 'system', description: '', factory }]]) });
      return { core, close: async () => onClose?.() };
    },
  });
}

function statusPath(control: SealControl): Path {
  return definePath({
    pattern: 'seal-status',
    fields: {},
    unauthenticated: true,
    synopsis: '',
    read: async () => ({ data: { sealed: (await control.status()).sealed } }),
  });
}

function sealPath(seal: SealControl): Path {
  return definePath({
    pattern: 'seal',
    fields: {},
    sudo: true,
    synopsis: '',
    read: async () => {
      seal.seal();
      return { data: {} };
    },
  });
}

function slowPath(slow: SealableFixture['slow']): Path {
  return definePath({
    pattern: 'slow',
    fields: {},
    synopsis: '',
    read: async () => {
      await slow?.();
      return { data: { done: true } };
    },
  });
}
