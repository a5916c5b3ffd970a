import { CofferError, errorText, type JsonObject } from '@coffer/base';

/** From harmless to worst. */
const STATUSES = ['skipped', 'ok', 'warn', 'fail'] as const;
export type Status = (typeof STATUSES)[number];

const MARKS: Readonly<Record<Status, string>> = {
  skipped: '[ skipped ]',
  ok: '[ success ]',
  warn: '[ warning ]',
  fail: '[ failure ]',
};

/** One thing that was looked at, with those that belong to it: the tree of Vault's diagnose (hashicorp/vault:vault/diagnose/output.go). */
export class Check {
  readonly name: string;
  readonly #time = new Date();
  readonly #children: Check[] = [];
  readonly #warnings: string[] = [];
  #own: Status = 'ok';
  #message = '';
  #advice = '';

  constructor(name: string) {
    this.name = name;
  }

  /** The worst of its own and those below. */
  get status(): Status {
    const all = [this.#own, ...this.#children.map(({ status }) => status)];
    return STATUSES.findLast((status) => all.includes(status)) ?? 'ok';
  }

  ok(message: string): void {
    this.#message = message;
  }

  warn(message: string, advice = ''): void {
    this.#warnings.push(message);
    if (this.#own !== 'fail') this.#own = 'warn';
    this.#advice ||= advice;
  }

  fail(message: string, advice = ''): void {
    // Of several the first is the message.
    if (this.#own === 'fail') this.#warnings.push(message);
    else this.#message = message;
    this.#own = 'fail';
    this.#advice ||= advice;
  }

  skip(message: string): void {
    this.#own = 'skipped';
    this.#message = message;
  }

  /** Makes a part of this one. What `look` throws is its failure. */
  async part(name: string, look: (check: Check) => Promise<void> | void): Promise<void> {
    const part = new Check(name);
    this.#children.push(part);
    try {
      await look(part);
    } catch (thrown) {
      const error = CofferError.from(thrown);
      part.fail(error.code === 'internal' ? errorText(error.cause ?? error) : error.message);
    }
  }

  /** Vault's names. */
  toJson(): JsonObject {
    return {
      time: this.#time.toISOString(),
      name: this.name,
      status: this.status,
      ...(this.#warnings.length > 0 && { warnings: this.#warnings }),
      ...(this.#message !== '' && { message: this.#message }),
      Advice: this.#advice,
      ...(this.#children.length > 0 && { children: this.#children.map((child) => child.toJson()) }),
    };
  }

  lines(depth = 0): string[] {
    const indent = '  '.repeat(depth);
    const [first, ...more] = this.#message === '' ? this.#warnings : ['', ...this.#warnings];
    const said = this.#message || first;
    return [
      `${indent}${MARKS[this.status]} ${this.name}${said ? `: ${said}` : ''}`,
      ...more.map((warning) => `${indent}  ${MARKS.warn} ${warning}`),
      ...(this.#advice === '' ? [] : [`${indent}  ${this.#advice}`]),
      ...this.#children.flatMap((child) => child.lines(depth + 1)),
    ];
  }
}
