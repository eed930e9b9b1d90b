/** Why the embedded server cannot be had, in words for the person who starts it: what, where, and what to do. */
export class EmbeddedProblem extends Error {
  override readonly name = 'EmbeddedProblem'
}
