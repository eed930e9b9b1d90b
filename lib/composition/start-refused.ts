/** Something outside keeps Berth from starting; the message says what it is and what to do, and needs no stack. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused'
}
