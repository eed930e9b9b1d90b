/** Runs it, and how much the memory of this process grew meanwhile: in an end-to-end test it is the control plane's. */
export async function watchMemory<T>(work: () => Promise<T>): Promise<{ result: T; grownBytes: number }> {
  const before = process.memoryUsage().rss
  let most = before
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
  }, 20)
  try {
    return { result: await work(), grownBytes: most - before }
  } finally {
    clearInterval(timer)
  }
}
