export type FaultAction =
  /**
   * The statement does not reach the server; the client gets this error. A transaction block is failed from then on, on
   * the server too; an error for COMMIT ends the block, rolled back, as the server's own errors there do.
   */
  | { readonly type: 'error'; readonly sqlstate: string; readonly message: string }
  /** The statement runs; then the client gets this error in place of the answer, and the block, if still open, fails. */
  | { readonly type: 'error-after'; readonly sqlstate: string; readonly message: string }
  /** The statement does not reach the server; the client gets a FATAL error (57P01), and both connections close. */
  | { readonly type: 'fatal'; readonly sqlstate: string; readonly message: string }
  /** The statement does not reach the server; both connections close. An open transaction rolls back. */
  | { readonly type: 'drop-before' }
  /** The statement runs to its end; then both connections close without an answer. */
  | { readonly type: 'drop-after' }
  /** The statement reaches the server `ms` milliseconds later. */
  | { readonly type: 'delay'; readonly ms: number }
  /** The statement reaches the server once this has come; never, if the connection is dropped before. */
  | { readonly type: 'hold'; readonly until: Promise<unknown> };

export interface Fault {
  /** Against the SQL as the client sent it; `index` counts the statements of this proxy from 0. */
  readonly match: RegExp | ((sql: string, index: number) => boolean);
  /** How many matching statements it hits before it is spent. Default 1. */
  readonly times?: number;
  readonly action: FaultAction;
}

/** A fault that is in place; `fired` counts how often it has hit. */
export interface InstalledFault {
  readonly fired: number;
}

/** The faults of one proxy, in the order they were added: a statement is hit by the first that matches. */
export class FaultList {
  #installed: { fault: Fault; fired: number }[] = [];

  add(fault: Fault): InstalledFault {
    const installed = { fault, fired: 0 };
    this.#installed.push(installed);
    return installed;
  }

  clear(): void {
    this.#installed = [];
  }

  /** The action for this statement, counted as fired. */
  take(sql: string, index: number): FaultAction | undefined {
    for (const installed of this.#installed) {
      const { match, times = 1, action } = installed.fault;
      if (installed.fired >= times) continue;
      // search() starts at the beginning whatever the flags: test() of a /g expression would remember its place.
      if (typeof match === 'function' ? match(sql, index) : sql.search(match) !== -1) {
        installed.fired += 1;
        return action;
      }
    }
    return undefined;
  }
}
