import { CofferError, errorText, type NothingDoneError, PROCESS_ID, randomBase62 } from '@coffer/base';
import { Elapsed } from '../nodes/elapsed.ts';
import { ALONE, type NodeLife } from '../nodes/node-life.ts';

/** What separates the process from the rest of a claim. */
const BY = ' ';
/** Characters of a claim that name its process, with what separates them from the rest. */
export const CLAIMANT_LENGTH = PROCESS_ID.length + BY.length;

/** What a claim begins with that this process made: the others know by it whose it is. */
export function claimsOf(process: string): string {
  return `${process}${BY}`;
}

/** The process whose claim begins so; undefined for claims of an older version. */
export function claimantOf(beginning: string): string | undefined {
  return beginning.length === CLAIMANT_LENGTH && beginning.endsWith(BY) ? beginning.slice(0, -BY.length) : undefined;
}

export interface Question {
  /** For so long nobody can have taken it unless this node was taken for dead, in milliseconds. */
  readonly sureMs: number;
  /** Asks the store whether the claim is still there, and for long enough. */
  readonly ask: () => Promise<boolean>;
  /** What is claimed, for the error. */
  readonly what: string;
}

/**
 * A claim of this process. Make it before the statement that puts its name into a row: what happens to this process from then on
 * counts. The same claim may be on several rows; each then needs its own ({@link again}).
 */
export class HeldClaim {
  readonly name: string;
  readonly #node: NodeLife;
  #since = new Elapsed();
  #life: number | undefined;

  constructor(node: NodeLife = ALONE, name = `${claimsOf(PROCESS_ID)}${randomBase62(20)}`) {
    this.#node = node;
    this.#life = node.life;
    this.name = name;
  }

  /** The same claim, made at the same time, under another name if one is given. */
  again(name = this.name): HeldClaim {
    const same = new HeldClaim(this.#node, name);
    same.#since = this.#since;
    same.#life = this.#life;
    return same;
  }

  /** The store has said that the claim is there, for its whole time from `moment` on, which was made before it was asked. */
  renewed(moment: HeldClaim): void {
    this.#since = moment.#since;
    this.#life = moment.#life;
  }

  /** Whether nobody can have taken it in these first milliseconds, unless this node was taken for dead. */
  isCertain(sureMs: number): boolean {
    return this.#life !== undefined && this.#life === this.#node.life && this.#since.ms < sureMs;
  }

  /** @throws CofferError `unavailable` when somebody else has it, or the store cannot be asked */
  async require({ sureMs, ask, what }: Question): Promise<void> {
    if (this.isCertain(sureMs)) return;
    const asked = new HeldClaim(this.#node);
    const isHeld = await ask().catch((error: unknown) => {
      throw unavailable(`whether ${what} was taken over by another worker is unknown: ${errorText(error)}`);
    });
    if (!isHeld) throw claimLost(what);
    this.#life = asked.#life;
  }
}

export function claimLost(what: string): CofferError {
  return unavailable(`${what} was taken over by another worker, which finishes it`);
}

/** Nothing was sent then: of an earlier attempt, whoever has the claim finds out. */
function unavailable(message: string): CofferError {
  const cause: NothingDoneError = Object.assign(new Error(message), { nothingDone: true });
  return new CofferError('unavailable', message, { cause });
}
