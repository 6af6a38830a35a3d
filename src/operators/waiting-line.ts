/**
 * A first-in, first-out line, linked through its members: joining, taking the head and leaving from the middle each cost the same
 * however long the line is, and nothing of a member stays behind. (`Array.shift` moves a long array at every turn.)
 */

/** A member of at most one line at a time. The two fields belong to the line. */
export interface Waiting<Member> {
  before: Member | undefined;
  behind: Member | undefined;
}

export class WaitingLine<Member extends Waiting<Member>> {
  #head: Member | undefined;
  #tail: Member | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The member that has waited longest. */
  get head(): Member | undefined {
    return this.#head;
  }

  /** From head to tail. The line must not change meanwhile. */
  *members(): Generator<Member, void> {
    for (let member = this.#head; member !== undefined; member = member.behind) yield member;
  }

  join(member: Member): void {
    member.before = this.#tail;
    if (this.#tail === undefined) this.#head = member;
    else this.#tail.behind = member;
    this.#tail = member;
    this.#length++;
  }

  /** Takes the member that has waited longest. */
  takeHead(): Member | undefined {
    const head = this.#head;
    if (head !== undefined) this.leave(head);
    return head;
  }

  /** `member` must be in this line. */
  leave(member: Member): void {
    const { before, behind } = member;
    if (before === undefined) this.#head = behind;
    else before.behind = behind;
    if (behind === undefined) this.#tail = before;
    else behind.before = before;
    member.before = undefined;
    member.behind = undefined;
    this.#length--;
  }
}

/** A member for values that are not members themselves. */
export class WaitingValue<T> implements Waiting<WaitingValue<T>> {
  before: WaitingValue<T> | undefined = undefined;
  behind: WaitingValue<T> | undefined = undefined;
  readonly value: T;

  constructor(value: T) {
    this.value = value;
  }
}
