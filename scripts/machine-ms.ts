/** Milliseconds of the machine's monotonic clock: the same for every process and thread, unlike `performance.now()`. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
