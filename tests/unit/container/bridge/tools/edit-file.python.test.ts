/** The part of the syntax check that asks Python, which the sandbox's image has and a machine need not have. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { editFile } from '../../../../../container/bridge/tools/edit-file.ts'
import { makeToolRig, type ToolRig } from '../../../../support/tool-rig.ts'

let rig: ToolRig
beforeEach(async () => {
  rig = await makeToolRig()
})
afterEach(() => rig.remove())

const edit = (old_string: string, new_string: string) => rig.call(editFile, { path: 'a.py', old_string, new_string })

it('complains of Python in the result, and the edit stands', async () => {
  rig.write('a.py', 'def f():\n    return 1\n')
  const result = await edit('return 1', 'return (1')
  expect(result).toMatchObject({
    outcome: 'ok',
    output: expect.stringMatching(/a\.py", line 2[\s\S]*SyntaxError/),
  })
  expect(result.output).not.toContain('Traceback')
  expect(rig.content('a.py')).toBe('def f():\n    return (1\n')
})

it('says nothing of good Python', async () => {
  rig.write('a.py', 'x = 1\n')
  expect((await edit('1', '2')).output).toBe('Edited a.py in 1 place: +1 -1 lines')
})
