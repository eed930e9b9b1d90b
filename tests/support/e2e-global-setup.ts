/** What every end-to-end file serves: the built pages and, with an engine, the agent image; made once before the first of them starts. */
import { ensureAppBuilt } from '../../lib/composition/app-build.ts'
import { readSettings } from '../../lib/config.ts'
import { ensureAgentImage } from '../../lib/drivers/sandbox/docker/image/ensure-agent-image.ts'
import { projectDirectory } from '../../scripts/project-directory.ts'

export default async function setUp(): Promise<void> {
  const { signal } = new AbortController()
  const onProgress = () => {}
  await ensureAppBuilt({ root: projectDirectory, onProgress, signal })
  if (process.env.BERTH_TEST_ENGINE !== '1') return
  // Named by nobody: the image of this version of the project, made where it is missing.
  const settings = { ...readSettings(process.env, projectDirectory), agentImage: null }
  await ensureAgentImage({ settings, root: projectDirectory, onProgress, signal })
}
