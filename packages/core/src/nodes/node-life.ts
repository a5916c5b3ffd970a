/** What a claim needs to know of the node that it belongs to. */
export interface NodeLife {
  /**
   * Changes each time that the others have taken this node for dead, and so what it had claimed. Undefined while they may just
   * have done so: it was not heard for a while.
   */
  readonly life: number | undefined;
}

/** Where nobody else is there. */
export const ALONE: NodeLife = { life: 0 };
