import { CofferError, randomId, withoutDeadline } from '@coffer/base';
import { type EntryStorage, stored } from '@coffer/framework';
import type { Store } from '@coffer/store';
import type { Epochs } from '../epochs/epochs.ts';
import { DEAD_MS, listNodes } from '../nodes/nodes.ts';
import { nameOf, notSealed } from './other-nodes.ts';
import type { SealedNodes } from './seal-control.ts';

const NAME = 'seal-all';
const ORDER = stored.entry<{ readonly id: string }>({ id: stored.string() });

export interface SealAllParts {
  readonly store: Store;
  readonly epochs: Epochs;
  /** The core's own, for what operators have under way. */
  readonly storage: EntryStorage;
  /** Closes this node's seal. */
  readonly close: () => void;
}

/**
 * The order to seal every node. It stays in the store, with a name of its own: a node is sealed by one that was not there when it
 * opened, however late it wakes up.
 */
export class SealAll {
  readonly #parts: SealAllParts;
  /** The last order that does not concern this node. */
  #known: string | undefined;

  constructor(parts: SealAllParts) {
    this.#parts = parts;
    parts.epochs.follow('seal', () => this.#obey());
  }

  /** Call it when the epochs have begun. */
  async begin(): Promise<void> {
    this.#known = await this.#read();
  }

  /** Orders it, and resolves when the other nodes have said that they are sealed, or have had 10 s. */
  async order(): Promise<SealedNodes> {
    const { store, epochs } = this.#parts;
    // Once ordered, it is waited for: this node must be sealed too, whoever has gone.
    return withoutDeadline(async () => {
      const nodes = store.exclusive ? [] : await listNodes(store);
      const self = nodes.filter(({ isSelf }) => isSelf);
      const others = nodes.filter(({ isSelf, state }) => !isSelf && state === 'active');
      const id = randomId();
      this.#known = id;
      await this.#entries().put(NAME, { id });
      await epochs.write([`seal/${id}`], []);
      const notHeard = others.length === 0 ? [] : await notSealed(store, others, DEAD_MS);
      const sealed = [...self, ...others.filter((node) => !notHeard.includes(node))];
      return { sealed: sealed.map(nameOf), notHeard: notHeard.map(nameOf) };
    });
  }

  async #obey(): Promise<void> {
    if ((await this.#read()) === this.#known) return;
    this.#parts.close();
    throw new CofferError('sealed', 'Vault is sealed');
  }

  async #read(): Promise<string | undefined> {
    return (await this.#entries().getNow(NAME))?.id;
  }

  #entries() {
    return this.#parts.storage.of('', ORDER);
  }
}
