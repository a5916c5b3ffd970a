import { CofferError, type JsonObject, type Secret } from '@coffer/base';
import { CommandFailure } from '../../failure.ts';
import { changes, differences, isUnset } from './fields.ts';
import { type Found, isLeft, type Item, type Left } from './item.ts';
import { endsTheMove, mayTryAgain, type Side } from './side.ts';

/** What became, or in a dry run would become, of one thing of the source. */
export type Outcome =
  | 'create'
  | 'created'
  | 'change'
  | 'changed'
  | 'same'
  /** It is here and is something else; nothing is changed. */
  | 'differs'
  /** Something has to be given, or done here, first. */
  | 'waits'
  | 'refused'
  | 'stays'
  | 'unread';

export interface Result {
  readonly found: Found;
  readonly outcome: Outcome;
  readonly detail: string;
}

/** What a move is not complete without. */
export const INCOMPLETE: readonly Outcome[] = ['differs', 'waits', 'refused', 'unread'];

export interface MoverOptions {
  readonly dryRun: boolean;
  readonly overwrite: boolean;
  /** Asks somebody for a field of an item; undefined when nobody can be asked, or does not know. */
  readonly ask: (item: Item, field: string) => Promise<Secret | undefined>;
}

/** Writes what was found, one thing after the other, each only where it is missing, or where `overwrite` says so. */
export class Mover {
  readonly #target: Side;
  readonly #options: MoverOptions;
  /** Paths of items that are not here, or are something else. */
  readonly #notHere = new Set<string>();

  constructor(target: Side, options: MoverOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** @throws CofferError when a server cannot be reached, or is sealed: the rest would fail as well */
  async move(found: Found): Promise<Result> {
    if (isLeft(found)) return leave(found);
    let result: Omit<Result, 'found'>;
    try {
      result = await this.#moveItem(found);
    } catch (thrown) {
      // Whoever is asked may also break off.
      if (endsTheMove(thrown) || thrown instanceof CommandFailure) throw thrown;
      result = { outcome: 'refused', detail: CofferError.from(thrown).message };
    }
    if (['waits', 'refused'].includes(result.outcome)) this.#notHere.add(found.path);
    const leftOut = found.leftOut ?? [];
    const said = [result.detail, ...(leftOut.length === 0 ? [] : [`left out: ${leftOut.join(', ')}`])];
    return { found, outcome: result.outcome, detail: said.filter((text) => text !== '').join('; ') };
  }

  async #moveItem(item: Item): Promise<Omit<Result, 'found'>> {
    if (item.needs !== undefined && this.#notHere.has(item.needs)) {
      return { outcome: 'waits', detail: `${item.needs} is not here yet` };
    }
    const present = await item.present(this.#target);
    return present === undefined ? this.#create(item) : this.#compare(item, present);
  }

  async #create(item: Item): Promise<Omit<Result, 'found'>> {
    if (item.blocked !== undefined) return { outcome: 'waits', detail: item.blocked };
    const asked: Record<string, Secret> = {};
    const unknown: string[] = [];
    for (const field of item.asks ?? []) {
      const answer = await this.#options.ask(item, field);
      if (answer === undefined) unknown.push(field);
      else asked[field] = answer;
    }
    if (unknown.length > 0) {
      return { outcome: 'waits', detail: `the source does not show ${unknown.join(' and ')}: see below` };
    }
    if (this.#options.dryRun) return { outcome: 'create', detail: '' };
    const whole = { ...item, secrets: { ...item.secrets, ...asked } };
    await this.#write(item, () => make(this.#target, whole));
    return { outcome: 'created', detail: '' };
  }

  async #compare(item: Item, present: JsonObject): Promise<Omit<Result, 'found'>> {
    const names = differences(item.wanted, present);
    const fixed = names.filter((name) => item.fixed?.includes(name));
    if (fixed.length > 0) {
      this.#notHere.add(item.path);
      return {
        outcome: 'differs',
        detail: `another one is here (${fixed.join(', ')}): delete it, or move it away, first`,
      };
    }
    const also = await item.alsoDiffers?.(this.#target);
    if (names.length === 0)
      return also === undefined ? { outcome: 'same', detail: '' } : { outcome: 'differs', detail: also };
    const detail = [names.join(', '), ...(also === undefined ? [] : [also])].join('; ');
    if (!this.#options.overwrite) return { outcome: 'differs', detail };
    if (this.#options.dryRun) return { outcome: 'change', detail };
    await this.#write(item, () => change(this.#target, item, present));
    return { outcome: also === undefined ? 'changed' : 'differs', detail };
  }

  /** Whose answer was lost may have taken effect: it is looked for before anything is written again. */
  async #write(item: Item, work: () => Promise<void>): Promise<void> {
    for (let failures = 1; ; failures++) {
      try {
        return await work();
      } catch (thrown) {
        if (!(await mayTryAgain(thrown, failures))) throw thrown;
        const present = await item.present(this.#target);
        if (present !== undefined && differences(item.wanted, present).length === 0) return;
      }
    }
  }
}

function leave(found: Left): Result {
  return { found, outcome: found.missing ? 'unread' : 'stays', detail: found.left };
}

function make(target: Side, item: Item): Promise<void> {
  const fields = { ...item.wanted, ...item.onlyNew, ...revealed(item) };
  return item.make?.(target, fields) ?? target.write(item.path, fields);
}

function change(target: Side, item: Item, present: JsonObject): Promise<void> {
  const fields = changes(item.wanted, present);
  return item.change?.(target, fields) ?? target.write(item.path, { ...fields, ...givenAnew(item) });
}

/** What a connection logs in with goes along with its other fields; a static role takes a password when it is made only. */
function givenAnew(item: Item): JsonObject {
  return item.kind === 'connection' ? revealed(item) : {};
}

function revealed({ secrets = {} }: Item): JsonObject {
  const fields = Object.entries(secrets).map(([name, secret]) => [name, secret.reveal()] as const);
  return Object.fromEntries(fields.filter(([, value]) => !isUnset(value)));
}
