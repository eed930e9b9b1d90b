/** What the server needs of the executor: runs are begun, joined, cancelled and seen. */
import type { AttendCommand, ExecuteCommand } from '../../contract/bridge.ts'

export interface ExecutorPort {
  /**
   * Begins the run, or joins it when it is in progress or has ended in this journal. Throws an error whose `code` is
   * `run_in_progress` (another one is) or `history_needed`.
   */
  begin(command: ExecuteCommand): { runId: string; joined: boolean }
  /** Words of people wait for the run. False when there is no such run in progress. */
  attend(command: AttendCommand): boolean
  /** Resolves after the run's `done` is in the journal; `ended` is false when there was no such run in progress. */
  cancel(runId: string): Promise<{ ended: boolean }>
  current(): { id: string; step: number } | null
}
