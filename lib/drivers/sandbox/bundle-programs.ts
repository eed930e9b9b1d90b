/** Bundles Berth's own programs into one CommonJS file each, on the host: an image's build needs no npm. */
import path from 'node:path'
import { type BuildFailure, build } from 'esbuild'
import { BerthError } from '../../errors.ts'

export interface ProgramEntries {
  /** Absolute paths of the main files. */
  bridge: string
  runner: string
  /** Where a bridge is reached through `exec`. */
  relay?: string
}

/** File name (`bridge.cjs`, `runner.cjs`, `relay.cjs`) to its text. The same sources give the same bytes. Throws `image_missing` with what is wrong in `details.logTail`. */
export async function bundlePrograms(entries: ProgramEntries, root: string): Promise<Map<string, Buffer>> {
  try {
    const { outputFiles } = await build({
      entryPoints: Object.entries(entries).map(([name, file]) => ({ in: file, out: name })),
      outdir: '/opt/berth',
      outExtension: { '.js': '.cjs' },
      absWorkingDir: root,
      bundle: true,
      platform: 'node',
      target: 'node24',
      // As ESM, a bundled CommonJS dependency dies of "Dynamic require" when it loads.
      format: 'cjs',
      keepNames: true,
      legalComments: 'none',
      logLevel: 'silent',
      write: false,
    })
    return new Map(outputFiles.map((file) => [path.basename(file.path), Buffer.from(file.contents)]))
  } catch (error) {
    if (!isBuildFailure(error)) throw error
    throw new BerthError('image_missing', 'The programs of a sandbox could not be bundled.', {
      hint: 'The lines say what is wrong in their sources.',
      details: {
        logTail: error.errors.map(({ text, location }) =>
          location ? `${location.file}:${location.line}: ${text}` : text,
        ),
      },
      cause: error,
    })
  }
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors)
}
